// Before anything is painted: the theme that was chosen, or the one the system asks for.
document.documentElement.dataset.theme = "board" in document.documentElement.dataset ? "dark" : localStorage.getItem("theme")
  ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

// Language and theme can be changed on every page, before a script of its own runs, and nothing else changes.
document.addEventListener("click", ({ target }) => {
  const link = target.closest("a[hreflang]");
  if (link) {
    const asked = new URLSearchParams(location.search);
    asked.set("lang", link.hreflang);
    link.search = asked;
  }
  if (target.closest("#theme")) {
    const dark = document.documentElement.dataset.theme !== "dark";
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    localStorage.setItem("theme", dark ? "dark" : "light");
    document.dispatchEvent(new CustomEvent("theme", { detail: { dark } }));
  }
});
