// Before anything is painted: the theme that was chosen, or the one the system asks for.
document.documentElement.dataset.theme = "board" in document.documentElement.dataset ? "dark" : localStorage.getItem("theme")
  ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
