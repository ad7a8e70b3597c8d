// The messages of the open conversation, and how they scroll.

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { showSettings } from "../inspector/inspector.ts";
import type { Shown } from "../message/shown.ts";
import { followers } from "../prose/frames.ts";
import { BudgetLine } from "../quote/next-cost.tsx";
import { IconButton } from "../shell/button.tsx";
import { Problem } from "../shell/problem.tsx";
import { addressOf, sought, text } from "../shell/state.ts";
import { restoreSession } from "../sidebar/sessions.ts";
import { TemporaryBar, TemporaryChoice } from "../temporary/temporary-bar.tsx";
import type { Chat } from "./chat.ts";
import { Composer } from "./composer.tsx";
import { FindBar } from "./find-bar.tsx";
import { MessageView } from "./message.tsx";
import { modelOf, models } from "./setup.ts";
import { SetupLine } from "./setup-line.tsx";
import { useSought } from "./sought.ts";
import { Stretch, stretchMessages } from "./stretch.tsx";
import { Welcome } from "./welcome.tsx";

/** Closer to the end than this, the reader is taken to be reading along. */
const nearPx = 60;
/** So near to the first message the earlier ones are loaded. */
const olderPx = 600;

export function Conversation({ chat }: { chat: Chat }) {
  const scroller = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  /** Whether the view follows the end: until the reader scrolls up, and again once back there. */
  const stuck = useRef(true);
  const last = useRef({ top: 0, height: 0 });
  const away = useSignal(false);
  const messages = chat.messages.value;
  const empty = messages.length === 0 && !chat.loading.value && !chat.loadError.value;

  const toEnd = () => {
    stuck.current = true;
    scroller.current?.scrollTo({ top: scroller.current.scrollHeight });
  };
  const onScroll = () => {
    const element = scroller.current;
    if (!element) return;
    const top = element.scrollTop;
    const distance = element.scrollHeight - top - element.clientHeight;
    if (distance < 2 && top > last.current.top) stuck.current = true;
    else if (element.scrollHeight !== last.current.height) {
      // Not the reader moved but what is read: it grew, or was laid out anew.
    } else if (top < last.current.top) stuck.current = false;
    else if (top > last.current.top && distance < nearPx) stuck.current = true;
    last.current = { top, height: element.scrollHeight };
    away.value = !stuck.current && distance > element.clientHeight / 2;
    if (top < olderPx && chat.hasOlder.value && !chat.olderError.value) void chat.loadOlder();
  };
  useEffect(() => {
    if (!content.current || !scroller.current) return;
    const observer = new ResizeObserver(() => {
      if (stuck.current) toEnd();
      onScroll();
    });
    observer.observe(content.current);
    observer.observe(scroller.current);
    // What grew is known before the reader's next move, which would else be taken for growth.
    followers.add(onScroll);
    return () => {
      observer.disconnect();
      followers.delete(onScroll);
    };
  }, [chat]);
  useEffect(() => toEnd(), [chat]);
  useSignalEffect(() => {
    if (chat.held.value > 0) stuck.current = false;
  });
  useKeptPlace(scroller, messages[0]?.key);
  useSought(chat, () => {
    stuck.current = false;
  });

  return (
    <main class={empty && chat.id.value === null ? "conversation new" : "conversation"}>
      <BudgetLine sessionId={chat.id.value} version={chat.running.value ? 0 : (chat.session.value?.version ?? 0)} />
      <TemporaryBar chat={chat} />
      <FindBar chat={chat} />
      <section
        class="scroller"
        ref={scroller}
        aria-label={text.value.messages}
        tabIndex={messages.length > 0 ? 0 : -1}
        onScroll={onScroll}
        onWheel={(event) => {
          if (event.deltaY < 0 && event.currentTarget.scrollTop > 0) stuck.current = false;
        }}
      >
        <div class="messages" ref={content}>
          {empty && chat.id.value === null && <Welcome onPick={(words) => (chat.returned.value = words)} />}
          <LoadState chat={chat} />
          {empty && chat.id.value !== null && chat.setup.value.system !== null && (
            <section class="told-first" aria-label={text.value.settingsSystem}>
              <h2>{text.value.settingsSystem}</h2>
              <p dir="auto">{chat.setup.value.system}</p>
            </section>
          )}
          <Older chat={chat} />
          {stretchesOf(messages, chat.prepended.value).map(({ key, shown }, index, all) => (
            <Stretch
              key={key}
              stays={index >= all.length - 2 || shown.some((one) => one.message.value.id === sought.value)}
            >
              {shown.map((one) => (
                <MessageView key={one.key} shown={one} chat={chat} last={one === messages.at(-1)} />
              ))}
            </Stretch>
          ))}
        </div>
      </section>
      <div class="foot">
        {away.value && <IconButton icon="down" label={text.value.jumpToLatest} class="jump" onClick={() => toEnd()} />}
        {chat.session.value?.deleted_at ? (
          <Trashed id={chat.session.value.id} />
        ) : (
          !chat.loadError.value && (
            <>
              {messages.length === 0 && !chat.loading.value && (
                <div class="before-first">
                  <SetupLine
                    setup={chat.setup.value}
                    model={modelOf(chat.setup.value, models.value)}
                    onOpen={showSettings}
                  />
                  {chat.id.value === null && <TemporaryChoice />}
                </div>
              )}
              <Composer chat={chat} onSend={toEnd} />
            </>
          )
        )}
      </div>
    </main>
  );
}

/** Messages in stretches; one that has come before the others changes none of theirs. */
function stretchesOf(messages: readonly Shown[], prepended: number): { key: number; shown: Shown[] }[] {
  const stretches: { key: number; shown: Shown[] }[] = [];
  for (const [index, shown] of messages.entries()) {
    const key = Math.floor((index - prepended) / stretchMessages);
    const last = stretches.at(-1);
    if (last?.key === key) last.shown.push(shown);
    else stretches.push({ key, shown: [shown] });
  }
  return stretches;
}

/** When earlier messages are put before the first, what the reader looks at stays where it is. */
function useKeptPlace(scroller: { current: HTMLElement | null }, firstKey: string | undefined): void {
  const before = useRef({ key: firstKey, height: 0, top: 0 });
  const element = scroller.current;
  // Read only when it is needed: asked in the middle of a change of the page, it costs a layout of all of it.
  if (element && before.current.key !== firstKey)
    before.current = { key: before.current.key, height: element.scrollHeight, top: element.scrollTop };
  useLayoutEffect(() => {
    const { key, height, top } = before.current;
    if (element && key !== undefined && firstKey !== undefined && key !== firstKey && height > 0) {
      element.scrollTop = element.scrollHeight - height + top;
    }
    before.current.key = firstKey;
  }, [firstKey]);
}

function LoadState({ chat }: { chat: Chat }) {
  const error = chat.loadError.value;
  if (error) {
    return (
      <Problem code={error.code} detail={error.status === 404 ? "" : error.message}>
        {error.status === 404 ? (
          <a class="button small" href={addressOf(null)}>
            {text.value.newConversation}
          </a>
        ) : (
          <button type="button" class="button small" onClick={() => void chat.load()}>
            {text.value.tryAgain}
          </button>
        )}
      </Problem>
    );
  }
  if (!chat.loading.value || chat.messages.value.length > 0) return null;
  return (
    <div class="skeleton" role="status" aria-label={text.value.loading}>
      <i />
      <i />
      <i />
      <i />
    </div>
  );
}

/** That there are earlier messages; a button for those who do not scroll. */
function Older({ chat }: { chat: Chat }) {
  if (!chat.hasOlder.value) return null;
  const error = chat.olderError.value;
  return (
    <div class="older">
      {error && <Problem code={error.code} detail={error.message} />}
      <button
        type="button"
        class="button small"
        disabled={chat.loadingOlder.value}
        onClick={() => void chat.loadOlder()}
      >
        {chat.loadingOlder.value ? text.value.loading : text.value.loadOlder}
      </button>
    </div>
  );
}

function Trashed({ id }: { id: string }) {
  return (
    <p class="trashed">
      {text.value.inTrash}
      <button type="button" class="button small" onClick={() => void restoreSession(id, true)}>
        {text.value.restore}
      </button>
    </p>
  );
}
