// The words of a command: its own flags, what is no flag, and the settings among them.

export interface CommandWords {
  own: ReadonlyMap<string, string>;
  switches: ReadonlySet<string>;
  names: string[];
  settings: string[];
}

/** `own` flags have a value, `switches` have none; whatever else begins with -- is a setting. */
export function readCommandWords(
  words: readonly string[],
  flags: { own: readonly string[]; switches: readonly string[] },
): CommandWords {
  const own = new Map<string, string>();
  const switches = new Set<string>();
  const [names, settings]: [string[], string[]] = [[], []];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const [flag = "", attached] = word.split(/=(.*)/s, 2);
    if (flags.switches.includes(flag)) {
      if (attached !== undefined) throw new Error(`${flag}: it takes no value; leave it out where it is not meant`);
      switches.add(flag);
    } else if (flags.own.includes(flag)) {
      const value = attached ?? words[++at];
      if (value === undefined || value.trim() === "") throw new Error(`${flag}: a value must follow`);
      own.set(flag, value);
    } else if (!flag.startsWith("--")) names.push(word);
    else {
      settings.push(word);
      if (attached === undefined && words[at + 1] !== undefined && !words[at + 1]!.startsWith("--"))
        settings.push(words[++at]!);
    }
  }
  return { own, switches, names, settings };
}
