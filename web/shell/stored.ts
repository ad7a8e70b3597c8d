// Small values kept in this browser between visits.

/** A value kept in this browser; a browser that forbids storage only forgets it. */
export const stored = {
  get(name: string): string | null {
    try {
      return localStorage.getItem(`rozmova.${name}`);
    } catch {
      return null;
    }
  },
  set(name: string, value: string | null): void {
    try {
      if (value === null) localStorage.removeItem(`rozmova.${name}`);
      else localStorage.setItem(`rozmova.${name}`, value);
    } catch {
      // full or forbidden
    }
  },
};
