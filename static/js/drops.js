/* What people drop and choose: files out of folders, in their order, without what is no music. */

const SOUND = /\.(wave?|bwf|rf64|w64|aiff?|aifc|flac|m4[ab]|mp[34]|aac|og[ga]|opus|wv|tta|wma|caf|ape|ds[fd]|dff)$/i;
const PICTURE = /\.(jpe?g|png|webp|avif)$/i;
const COVER = /cover|front|folder|album|artwork/i;
const SYSTEM = /(^|\/)(\.|__MACOSX\/|thumbs\.db$|desktop\.ini$)/i;
const MOST_FILES = 2000;
const MOST_DEPTH = 12;

/** All that lies in a drop: `{ items: [{ file, path, handle }], name }`. Call it while the event is handled. */
export async function dropped(transfer) {
  const roots = [...transfer.items].filter((item) => item.kind === "file").map((item) => ({
    entry: item.webkitGetAsEntry?.(),
    file: item.getAsFile(),
    handle: item.getAsFileSystemHandle?.().catch(() => null),
  }));
  const found = [];
  for (const { entry, file, handle } of roots) {
    const root = await handle;
    if (entry?.isDirectory) await walk(entry, [], root, found);
    else if (file) found.push({ file, path: file.name, handle: root && { root, steps: [] } });
  }
  const [first] = roots;
  const isOne = roots.length === 1 && (first.entry?.isDirectory || /\.zip$/i.test(first.file?.name ?? ""));
  return { items: found, name: isOne ? (first.entry?.name ?? first.file.name) : "" };
}

async function walk(folder, steps, root, found) {
  const reader = folder.createReader();
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return;
    for (const entry of some) {
      if (found.length >= MOST_FILES) return;
      const further = [...steps, entry.name];
      if (entry.isDirectory && further.length < MOST_DEPTH) await walk(entry, further, root, found);
      if (!entry.isFile) continue;
      const file = await new Promise((resolve) => entry.file(resolve, () => resolve(null)));
      if (file) found.push({ file, path: [folder.fullPath, entry.name].join("/"), handle: root && { root, steps: further } });
    }
  }
}

/** Music and the cover, in their order, and what is left out. */
export function sorted(items) {
  const order = new Intl.Collator(undefined, { numeric: true }).compare;
  const seen = items.filter(({ path }) => !SYSTEM.test(path));
  const pictures = seen.filter(({ file }) => PICTURE.test(file.name));
  const cover = pictures.find(({ file }) => COVER.test(file.name)) ?? (pictures.length === 1 ? pictures[0] : null);
  const isWanted = (item) => item === cover || SOUND.test(item.file.name) || /\.zip$/i.test(item.file.name);
  return {
    wanted: seen.filter(isWanted).sort((one, other) => order(one.path, other.path)),
    left: items.filter((item) => !seen.includes(item) || !isWanted(item)).map(({ file }) => file.name),
  };
}

/** “Left out: a.txt, b.db and 7 more.” */
export function sentence(left) {
  if (!left.length) return "";
  const names = left.slice(0, 4).join(", ");
  const more = left.length > 4 ? ` and ${left.length - 4} more` : "";
  return `Left out, because ${left.length === 1 ? "it is" : "they are"} no music: ${names}${more}.`;
}

/* --- Files that may be opened again after a reload, where the browser lets us -------------------------------------- */

/** Remember how to open the file of the transfer at `url` again. */
export async function remember(url, handle) {
  if (handle) await store("readwrite", (kept) => kept.put(handle, url)).catch(() => {});
}

export async function forget(url) {
  await store("readwrite", (kept) => kept.delete(url)).catch(() => {});
}

/** The file of the transfer at `url`, if the browser still has leave to read it; with `mayAsk` it asks for that. */
export async function reopen(url, { mayAsk = false } = {}) {
  const handle = await recall(url);
  if (!handle) return null;
  const state = mayAsk ? await handle.root.requestPermission?.() : await handle.root.queryPermission?.();
  if (state && state !== "granted") return null;
  try {
    let at = handle.root;
    for (const [number, step] of handle.steps.entries()) at = number === handle.steps.length - 1 ? await at.getFileHandle(step) : await at.getDirectoryHandle(step);
    return await at.getFile();
  } catch {
    return null; // moved or deleted since
  }
}

/** Whether the browser remembers where the file of the transfer at `url` lies. */
export const recall = (url) => store("readonly", (kept) => kept.get(url)).catch(() => null);

function store(mode, act) {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("megabox-uploads", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore("files");
    opening.onerror = reject;
    opening.onsuccess = () => {
      const asked = act(opening.result.transaction("files", mode).objectStore("files"));
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = reject;
      asked.transaction.oncomplete = () => opening.result.close();
    };
  });
}
