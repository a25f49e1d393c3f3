/* What this browser remembers; without storage (private mode) things work and are forgotten. */

export function recall(key, fallback) {
  try { return JSON.parse(localStorage.getItem(`megabox:${key}`)) ?? fallback; } catch { return fallback; }
}

export function remember(key, value) {
  try { localStorage.setItem(`megabox:${key}`, JSON.stringify(value)); } catch { /* full or refused */ }
}
