"use strict";
document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const frames = [...document.querySelectorAll("figure")];
  const here = frames.indexOf(document.activeElement);
  const steps = { ArrowRight: 1, ArrowLeft: -1, j: 1, k: -1 };
  const direction = document.documentElement.dir === "rtl" ? -1 : 1;
  let target = null;
  if (event.key in steps) {
    const step = steps[event.key] * (event.key.startsWith("Arrow") ? direction : 1);
    target = here < 0 ? 0 : Math.min(frames.length - 1, Math.max(0, here + step));
  } else if (event.key === "Home") target = 0;
  else if (event.key === "End") target = frames.length - 1;
  if (target === null) return;
  event.preventDefault();
  frames[target].focus();
  frames[target].scrollIntoView({ block: "nearest" });
});
