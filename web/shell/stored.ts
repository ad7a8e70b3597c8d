// Small values kept in this browser between visits, or in this tab until it is closed.

/** A browser that forbids storage only forgets it. Asked for at each use: merely to name a forbidden one throws. */
function keepIn(storage: () => Storage) {
  return {
    get(name: string): string | null {
      try {
        return storage().getItem(`rozmova.${name}`);
      } catch {
        return null;
      }
    },
    set(name: string, value: string | null): void {
      try {
        if (value === null) storage().removeItem(`rozmova.${name}`);
        else storage().setItem(`rozmova.${name}`, value);
      } catch {
        // full or forbidden
      }
    },
  };
}

export const stored = keepIn(() => localStorage);
export const storedForTab = keepIn(() => sessionStorage);
