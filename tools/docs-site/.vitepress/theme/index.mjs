// without the fonts of the theme, which are a megabyte: those of the system serve
import theme from 'vitepress/theme-without-fonts'
import './style.css'

export default theme
