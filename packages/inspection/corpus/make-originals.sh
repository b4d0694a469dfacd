#!/bin/sh
# Makes the files in originals/ anew, by the programs that people make pictures and videos with. They are in the repository, since a
# developer's machine need not have the programs: Debian's ffmpeg, imagemagick, libimage-exiftool-perl, webp and libjpeg-turbo-progs.
# Everything in them is drawn by the programs themselves; CC0 1.0.
set -eu
cd "$(dirname "$0")/originals"
rm -f ./*
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
convert -size 64x48 -seed 7 plasma:tomato-steelblue -depth 8 "$work/a.ppm"
convert -size 61x47 -seed 9 plasma:gold-navy -depth 8 "$work/odd.ppm"
convert "$work/a.ppm" "$work/a.png"
convert -size 64x48 -seed 7 plasma:fractal -alpha set -channel A -evaluate set 60% "$work/alpha.png"

# JPEG, ImageMagick
convert "$work/a.ppm" -quality 85 im-baseline.jpg
convert "$work/a.ppm" -interlace JPEG -quality 80 im-progressive.jpg
convert "$work/a.ppm" -sampling-factor 4:4:4 im-444.jpg
convert "$work/a.ppm" -sampling-factor 4:2:2 im-422.jpg
convert "$work/a.ppm" -sampling-factor 4:1:1 im-411.jpg
convert "$work/a.ppm" -sampling-factor 4:4:0 im-440.jpg
convert "$work/a.ppm" -colorspace Gray im-grey.jpg
convert "$work/a.ppm" -colorspace CMYK im-cmyk.jpg
convert "$work/odd.ppm" -quality 100 im-odd-size.jpg
convert "$work/a.ppm" -set comment 'Poster for the script reading: PHP & JavaScript, a < b > c' im-comment.jpg
convert "$work/a.ppm" -quality 1 im-worst-quality.jpg

# JPEG, libjpeg-turbo
cjpeg -quality 75 "$work/a.ppm" > turbo-baseline.jpg
cjpeg -progressive "$work/a.ppm" > turbo-progressive.jpg
cjpeg -restart 1 "$work/a.ppm" > turbo-restart.jpg
cjpeg -restart 3B -progressive "$work/a.ppm" > turbo-restart-progressive.jpg
cjpeg -optimize -sample 1x1 "$work/a.ppm" > turbo-optimized.jpg
cjpeg -rgb "$work/a.ppm" > turbo-rgb.jpg
cjpeg -grayscale "$work/a.ppm" > turbo-grey.jpg
cjpeg -arithmetic "$work/a.ppm" > turbo-arithmetic.jpg
printf '0;\n1;\n2;\n' > "$work/separate"
cjpeg -scans "$work/separate" "$work/a.ppm" > turbo-separate-scans.jpg
jpegtran -rotate 90 -copy all turbo-baseline.jpg > turbo-turned.jpg

# JPEG, ffmpeg
ffmpeg -v error -y -i "$work/a.png" -pix_fmt yuvj420p -bitexact ff-420.jpg
ffmpeg -v error -y -i "$work/a.png" -pix_fmt yuvj444p -bitexact ff-444.jpg
ffmpeg -v error -y -i "$work/a.png" -pix_fmt yuvj422p -q:v 20 -bitexact ff-422.jpg

# JPEG, ExifTool
cp im-baseline.jpg et-exif.jpg
exiftool -q -overwrite_original -Make=Canon -Model='Canon EOS R6' -Orientation#=6 -ExposureTime=1/125 -FNumber=2.8 -ISO=400 \
  -DateTimeOriginal='2026:05:04 10:11:12' -LensModel='RF24-70mm F2.8' -Artist='A. Script' -Copyright='CC0' et-exif.jpg
cp im-baseline.jpg et-gps.jpg
exiftool -q -overwrite_original -GPSLatitude=52.43 -GPSLatitudeRef=N -GPSLongitude=13.65 -GPSLongitudeRef=E -GPSAltitude=32 et-gps.jpg
cp im-baseline.jpg et-thumbnail.jpg
convert "$work/a.ppm" -resize 32x24 "$work/thumb.jpg"
exiftool -q -overwrite_original -Make=NIKON "-ThumbnailImage<=$work/thumb.jpg" et-thumbnail.jpg
cp im-baseline.jpg et-xmp-iptc.jpg
exiftool -q -overwrite_original -XMP:Title='JavaScript: The Good Parts' -XMP:Subject=php -XMP:Subject=script -XMP:Rating=5 \
  -IPTC:Keywords=javascript -IPTC:Caption-Abstract='About <b>bold</b> type & 5 < 6' -XMP:Description='Say "on = off"; see https://example.org/a?b=1&c=<d>' et-xmp-iptc.jpg
cp im-baseline.jpg et-unicode.jpg
exiftool -q -overwrite_original -EXIF:XPTitle='Grüße vom Müggelsee' -XPComment='写真 – スクリプト' -UserComment='Ünïcödé' et-unicode.jpg
cp turbo-progressive.jpg et-progressive.jpg
exiftool -q -overwrite_original -Make=Apple -Model='iPhone 15' -Software=17.4 -XMP:CreatorTool='Adobe Photoshop 25.0' et-progressive.jpg
cp im-baseline.jpg et-padded-xmp.jpg
exiftool -q -overwrite_original -api Compact=NoPadding=0 -XMP:Label='Red' et-padded-xmp.jpg

# PNG, ImageMagick
convert "$work/a.ppm" -define png:color-type=2 im-rgb.png
convert "$work/a.ppm" -colors 16 PNG8:im-palette.png
convert "$work/a.ppm" -colors 2 PNG8:im-palette-2.png
convert "$work/a.ppm" -monochrome im-mono.png
convert "$work/a.ppm" -colorspace Gray -depth 2 -define png:bit-depth=2 -define png:color-type=0 im-grey-2.png
convert "$work/a.ppm" -colorspace Gray -depth 4 -define png:bit-depth=4 -define png:color-type=0 im-grey-4.png
convert "$work/a.ppm" -colorspace Gray -depth 16 -define png:bit-depth=16 -define png:color-type=0 im-grey-16.png
convert "$work/a.ppm" -depth 16 -define png:bit-depth=16 im-rgb-16.png
convert "$work/alpha.png" -define png:color-type=6 im-rgba.png
convert "$work/alpha.png" -colorspace Gray -define png:color-type=4 im-grey-alpha.png
convert "$work/odd.ppm" -interlace PNG im-interlaced.png
convert "$work/a.ppm" -transparent white -define png:color-type=2 im-transparent-colour.png
convert "$work/a.ppm" -set Title 'The script of a play' -set Description 'php' im-text.png
convert et-xmp-iptc.jpg im-raw-profiles.png

# PNG, ffmpeg and ExifTool
for f in rgb24 rgba rgb48be rgba64be gray ya8 gray16be ya16be pal8 monob; do ffmpeg -v error -y -i "$work/a.png" -pix_fmt $f -bitexact ff-$f.png; done
ffmpeg -v error -y -f lavfi -i testsrc2=size=48x32:rate=5 -t 0.8 -plays 0 -f apng -bitexact ff-animated.png
ffmpeg -v error -y -f lavfi -i testsrc2=size=48x32:rate=5 -t 0.8 -pix_fmt rgb48be -f apng -bitexact ff-animated-16.png
cp im-rgb.png et-exif.png
exiftool -q -overwrite_original -Make=Google -Orientation#=3 -XMP:Title='A script' -GPSLatitude=52.43 -GPSLongitude=13.65 et-exif.png

# WebP
cwebp -quiet -q 70 "$work/a.png" -o cwebp-lossy.webp
cwebp -quiet -lossless "$work/a.png" -o cwebp-lossless.webp
cwebp -quiet -near_lossless 40 "$work/a.png" -o cwebp-near-lossless.webp
cwebp -quiet -q 60 -alpha_q 50 "$work/alpha.png" -o cwebp-alpha.webp
cwebp -quiet -lossless "$work/alpha.png" -o cwebp-lossless-alpha.webp
cwebp -quiet -q 60 -metadata all et-xmp-iptc.jpg -o cwebp-metadata.webp
cwebp -quiet -q 60 -segments 4 -partition_limit 50 -pass 6 "$work/a.png" -o cwebp-segments.webp
cwebp -quiet -q 50 -crop 0 0 17 13 "$work/a.png" -o cwebp-odd-size.webp
convert -delay 20 -loop 0 "$work/a.ppm" \( "$work/a.ppm" -negate \) \( "$work/a.ppm" -flip \) im-several.webp
ffmpeg -v error -y -f lavfi -i testsrc2=size=48x32:rate=5 -t 0.8 -c:v libwebp_anim -bitexact ff-animated.webp
ffmpeg -v error -y -i "$work/a.png" -c:v libwebp -bitexact ff-lossy.webp
convert -delay 10 "$work/a.ppm" \( "$work/a.ppm" -negate \) -layers optimize "$work/a.gif"
gif2webp -quiet "$work/a.gif" -o gif2webp.webp
gif2webp -quiet -mixed -min_size "$work/a.gif" -o gif2webp-mixed.webp
cwebp -quiet "$work/a.png" -o "$work/f.webp"
webpmux -frame "$work/f.webp" +100+0+0+1+b -frame cwebp-odd-size.webp +100+10+8+0-b -loop 3 -o webpmux-animated.webp 2>/dev/null
cp cwebp-lossy.webp et-exif.webp
exiftool -q -overwrite_original -Make=Google -Orientation#=8 -XMP:Title='A script' -GPSLatitude=52.43 -GPSLongitude=13.65 et-exif.webp

# MP4
film() { out=$1; shift; ffmpeg -v error -y -f lavfi -i testsrc2=size=96x64:rate=10 -f lavfi -i sine=frequency=330 -t 0.8 "$@" -threads 1 -bitexact "$out"; }
avc='-c:v libx264 -crf 40 -preset veryfast -pix_fmt yuv420p'
aac='-c:a aac -b:a 16k'
film ff-avc.mp4 $avc $aac
film ff-fast-start.mp4 $avc $aac -movflags +faststart
film ff-silent.mp4 $avc -an
film ff-hvc1.mp4 -c:v libx265 -crf 40 -x265-params log-level=error -tag:v hvc1 $aac
film ff-hev1.mp4 -c:v libx265 -crf 40 -x265-params log-level=error $aac
SVT_LOG=1 film ff-av1.mp4 -c:v libsvtav1 -crf 55 -c:a libopus -b:a 16k
film ff-vp9.mp4 -c:v libvpx-vp9 -crf 50 -b:v 0 -c:a libopus -b:a 16k
film ff-mpeg4.mp4 -c:v mpeg4 -q:v 20 -c:a libmp3lame -b:a 32k
film ff-mjpeg.mp4 -c:v mjpeg -q:v 25 $aac
film ff-fragments.mp4 $avc -g 4 $aac -movflags frag_keyframe+empty_moov+default_base_moof
film ff-fragments-absolute.mp4 $avc -g 4 $aac -movflags frag_keyframe+empty_moov
film ff-fragments-separate.mp4 $avc -g 4 $aac -movflags separate_moof+frag_keyframe
film ff-dash.mp4 $avc -g 4 $aac -movflags dash+delay_moov -frag_duration 300000
film ff-cmaf.mp4 $avc -g 4 $aac -movflags cmaf+frag_keyframe
film ff-sidx.mp4 $avc -g 4 $aac -movflags frag_keyframe+empty_moov+default_base_moof+global_sidx
film ff-smooth.mp4 $avc -g 4 $aac -movflags isml+frag_keyframe -f ismv
film ff-ipod.mp4 $avc $aac -f ipod
film ff-psp.mp4 $avc $aac -f psp
film ff-titles.mp4 $avc $aac -metadata title='The script' -metadata comment='php and javascript: the good parts; 5 < 6'
film ff-timecode.mp4 $avc $aac -timecode 00:00:00:00 -write_tmcd on
film ff-444.mp4 -c:v libx264 -crf 40 -pix_fmt yuv444p $aac
film ff-two-sounds.mp4 -f lavfi -i sine=frequency=550 -map 0 -map 1 -map 2 -t 0.8 $avc $aac
ffmpeg -v error -y -i ff-avc.mp4 -c copy -metadata:s:v:0 rotate=90 -bitexact ff-turned.mp4
ffmpeg -v error -y -i ff-avc.mp4 -c copy -movflags +prefer_icc+write_colr -use_editlist 0 -bitexact ff-no-edits.mp4
film ff-quicktime.mov $avc $aac -f mov
film ff-3gp.3gp $avc $aac -f 3gp
ffmpeg -v error -y -f lavfi -i sine=frequency=330 -t 0.5 $aac -bitexact ff-sound.m4a
ffmpeg -v error -y -f lavfi -i sine=frequency=330 -t 0.5 $aac -bitexact ff-sound.mp4
ffmpeg -v error -y -i "$work/a.png" -frames:v 1 -c:v libaom-av1 -still-picture 1 -crf 40 -f avif ff-still.avif 2>/dev/null || true
film ff-film.webm -c:v libvpx-vp9 -crf 50 -b:v 0 -c:a libopus -b:a 16k
convert "$work/a.ppm" -resize 16x12 im-still.gif
convert "$work/a.ppm" -resize 16x12 im-still.tif
convert "$work/a.ppm" -resize 16x12 im-still.bmp

# Content credentials: a Python that has c2pa-python and cryptography
"${CREDENTIALS_PYTHON:-python3}" ../make-credentials.py .

# ZIP, by Info-ZIP, 7-Zip and Python
mkdir "$work/set" "$work/set/more"
cp im-baseline.jpg "$work/set/01.jpg"; cp ff-rgb24.png "$work/set/02.png"; cp cwebp-lossy.webp "$work/set/more/03.webp"
printf 'a portrait, 35mm, soft light\n' > "$work/set/01.txt"; printf '{"caption": "a boat", "tags": ["sea"]}' > "$work/set/02.json"
cd "$work/set"
zip -q -r -X "$OLDPWD/zip-deflated.zip" .
zip -q -r -0 "$OLDPWD/zip-stored.zip" .
zip -q -r - . | cat > "$OLDPWD/zip-streamed.zip"
zip -q -r -fz "$OLDPWD/zip-zip64.zip" .
zip -q -j -z "$OLDPWD/zip-comment.zip" 01.jpg < 01.txt > /dev/null
zip -q -r -P secret "$OLDPWD/zip-encrypted.zip" .
ln -s /etc/passwd link.jpg
zip -q -r -y "$OLDPWD/zip-symlink.zip" .
rm link.jpg
7z a -bso0 -bsp0 -tzip "$OLDPWD/7z-deflated.zip" . > /dev/null
7z a -bso0 -bsp0 -tzip -mm=BZip2 "$OLDPWD/7z-bzip2.zip" . > /dev/null
7z a -bso0 -bsp0 "$OLDPWD/7z-set.7z" 01.txt > /dev/null
tar czf "$OLDPWD/tar-set.tar.gz" 01.txt
python3 - "$OLDPWD/python-set.zip" <<'PY'
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.ZIP_DEFLATED) as z:
    z.writestr('Bilder/', '')
    z.write('01.jpg', 'Bilder/Grüße – 写真.jpg')
    z.writestr('Bilder/Grüße – 写真.txt', 'ein Gruß\n')
PY

# What the Finder keeps of a folder, by Python's ds_store, since that runs without macOS: pip install ds_store==1.3.3
python3 - "$OLDPWD/finder-look.DS_Store" <<'PY'
import sys
from ds_store import DSStore
with DSStore.open(sys.argv[1], 'w+') as look:
    look['01.jpg']['Iloc'] = (80, 120)
    look['more']['Iloc'] = (240, 120)
    look['.']['vSrn'] = ('long', 1)
    look['.']['bwsp'] = {'ShowSidebar': True, 'WindowBounds': '{{300, 200}, {640, 480}}'}
PY

# ZIP, by bsdtar (libarchive), Java's jar and Python
printf 'file_name,text\n01.jpg,"a portrait, 35mm"\nmore/03.webp,a lake\n' > metadata.csv
printf '*.jpg filter=lfs diff=lfs merge=lfs -text\n' > .gitattributes
bsdtar -a -cf "$OLDPWD/bsdtar-set.zip" .
jar --create --no-manifest --file "$OLDPWD/jar-set.zip" 01.jpg 02.png more metadata.csv
python3 - "$OLDPWD/python-streamed.zip" <<'PY'
import sys, zipfile
class Pipe:
    def __init__(self, file): self.file = file
    def write(self, data): return self.file.write(data)
    def flush(self): self.file.flush()
with open(sys.argv[1], 'wb') as file, zipfile.ZipFile(Pipe(file), 'w', zipfile.ZIP_DEFLATED) as z:
    for name in ('01.jpg', '01.txt', 'metadata.csv', '.gitattributes', 'more/03.webp'): z.write(name)
PY
