/* Before the first paint: scripts run here, and the colours somebody chose in this browser. A classic script in the head. */
(() => {
  const root = document.documentElement;
  root.classList.add("has-js");
  const read = () => {
    try { return localStorage.getItem("megabox:theme") || "auto"; } catch { return "auto"; }
  };
  const apply = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeSwitch === theme));
    }
  };
  apply(read());
  addEventListener("DOMContentLoaded", () => apply(read()));
  addEventListener("storage", (event) => event.key === "megabox:theme" && apply(read()));
  addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme-switch]");
    if (!button) return;
    try { localStorage.setItem("megabox:theme", button.dataset.themeSwitch); } catch { /* private mode: for this page only */ }
    apply(button.dataset.themeSwitch);
  });
})();
