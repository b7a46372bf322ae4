"use strict";
// Runs before anything is drawn, so that a chosen theme does not flash the other one.
try {
  const chosen = localStorage.getItem("harness-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch { /* storage may be off for pages from disk */ }
