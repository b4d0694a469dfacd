{{/* The prefix of all names. Without dots, which a Service may not have, and short enough for "keda-hpa-…-worker-training", which is also the value
of a label. */}}
{{- define "airlock.fullname" -}}
{{- $name := .Values.fullnameOverride -}}
{{- if not $name -}}
{{- $name = contains "airlock" .Release.Name | ternary .Release.Name (printf "%s-airlock" .Release.Name) -}}
{{- end -}}
{{- $name | replace "." "-" | trunc 36 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels by which a component's pods are selected. Takes a dict: root, component, and lane for the workers of one lane. */}}
{{- define "airlock.selector" -}}
app.kubernetes.io/name: airlock
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .lane }}
lane: {{ . }}
{{- end }}
{{- end -}}

{{/* All labels of an object. Takes the same dict. */}}
{{- define "airlock.labels" -}}
{{ include "airlock.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end -}}

{{/* Takes a dict: root, service (its values), component. */}}
{{- define "airlock.serviceAccountName" -}}
{{- .service.serviceAccount.name | default (printf "%s-%s" (include "airlock.fullname" .root) .component) -}}
{{- end -}}

{{/* Takes a dict: root, image. */}}
{{- define "airlock.image" -}}
{{- if .image.digest -}}
{{ .image.repository }}@{{ .image.digest }}
{{- else -}}
{{ .image.repository }}:{{ .image.tag | default .root.Chart.AppVersion }}
{{- end -}}
{{- end -}}
