/** What this browser keeps: favourites, volume, theme, and tracks whose deletion may still be undone. */

const PREFIX = "studio.";

export function keep(name, value) {
  try { localStorage.setItem(PREFIX + name, JSON.stringify(value)); } catch { /* private windows may keep nothing */ }
}

export function kept(name, otherwise) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

const favourites = new Set(kept("favourites", []));

export const isFavourite = (id) => favourites.has(id);

/** Turn a favourite on or off; whether it is one now. */
export function toggleFavourite(id) {
  if (!favourites.delete(id)) favourites.add(id);
  keep("favourites", [...favourites]);
  document.dispatchEvent(new CustomEvent("favourites"));
  return favourites.has(id);
}
