// Runs before the first paint, so that a chosen theme does not flash. The key is that of settings.js.
try {
  const theme = localStorage.getItem('prompt2pic.theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the system's theme is used.
}
