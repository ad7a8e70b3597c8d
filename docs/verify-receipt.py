#!/usr/bin/env python3
"""Derives receipts again from themselves: `python3 verify-receipt.py receipt.json ...`, or one from stdin. Standard library only.

    curl -s http://127.0.0.1:8000/turns/ID/receipt | python3 verify-receipt.py

Every call to the vendor is one attempt. Its lines follow from what the vendor counted (usage_raw), what was counted beside it (counted)
and the price row (price.rates: USD per million tokens, per thousand searches). Prints each line and the total; exit status 1 on a difference.
"""
import json
import sys

KINDS = ["text", "audio", "image", "video", "document"]
ACCURACIES = ["exact", "partial", "estimated", "unknown"]


def scale(text, digits):
    """A decimal text times 10^digits, exactly: prices have at most that many decimals."""
    whole, _, fraction = str(text).partition(".")
    return int(whole + fraction.ljust(digits, "0"))


def usd(pico):
    """Picodollars (10^-12 USD) as a decimal text."""
    if pico is None:
        return "null"
    digits = str(pico).rjust(13, "0")
    return f"{digits[:-12]}.{digits[-12:]}".rstrip("0").rstrip(".")


def is_count(value):
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return whole and not isinstance(value, bool) and 0 <= value <= 20_000_000


def divide(counter, details):
    """By modality: the counter wins over its details, the rest is text."""
    split = [counter, 0, 0, 0, 0]
    for detail in details if isinstance(details, list) else []:
        detail = detail if isinstance(detail, dict) else {}
        name = str(detail.get("modality")).lower()
        if name in KINDS[1:] and is_count(detail.get("tokenCount")):
            split[KINDS.index(name)] += int(detail["tokenCount"])
    for kind in range(1, 5):
        split[kind] = min(split[kind], split[0])
        split[0] -= split[kind]
    return split


def read_usage(raw):
    """What the vendor counted. What cannot be a count is taken as 0, and then the usage is not balanced."""
    usage = raw if isinstance(raw, dict) else {}
    names = ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"]
    names += ["toolUsePromptTokenCount", "cachedContentTokenCount", "totalTokenCount"]
    values = [0 if usage.get(name) is None else usage[name] for name in names]
    prompt, answer, thinking, tool, from_cache, stated = [int(v) if is_count(v) else 0 for v in values]
    given = divide(prompt, usage.get("promptTokensDetails"))
    # What was read from a cache is part of the prompt; what a modality has no room for goes where there is room.
    cached = [min(a, b) for a, b in zip(divide(from_cache, usage.get("cacheTokensDetails")), given)]
    left = from_cache - sum(cached)
    for kind in range(5):
        more = min(left, given[kind] - cached[kind])
        cached[kind] += more
        left -= more
    good = isinstance(raw, dict) and all(is_count(value) for value in values)
    tier = usage.get("serviceTier")
    tier = tier[:32].lower() if isinstance(tier, str) else ""
    return {
        "fresh": [a - b for a, b in zip(given, cached)], "cached": cached, "stated": stated,
        "output": divide(answer, usage.get("candidatesTokensDetails")), "thinking": thinking, "tool": tool,
        "balanced": good and from_cache <= prompt and stated == prompt + answer + thinking + tool,
        "tier": "standard" if tier == "" or tier.endswith("unspecified") else tier,
    }


def measure(call, said):
    """The tokens to bill, what the vendor's counts lack of them, and how sure they are: 0 exact, 1 partial, 2 estimated."""
    prompt, answer, thinking = sum(said["fresh"] + said["cached"]), sum(said["output"]), said["thinking"]
    counted = prompt + answer + thinking + said["tool"]
    tokens = (call["counted"] or {}).get("tokens")
    # A call booked by an older program has no estimates: they are what its usage has beyond the vendor's.
    usage = call["usage"] if call["usage"] and not tokens and call["accuracy"] != "exact" else None
    if usage:
        tokens = {"prompt": usage["input_tokens"], "answer": usage["output_tokens"], "thoughts": usage["thinking_tokens"]}
    tokens = tokens or {"prompt": 0, "answer": 0, "thoughts": 0}
    if counted + said["stated"] == 0:
        counts = {"fresh": [tokens["prompt"], 0, 0, 0, 0], "cached": [0] * 5, "output": [tokens["answer"], 0, 0, 0, 0]}
        return {**counts, "thinking": tokens["thoughts"], "tool": 0, "tier": said["tier"]}, (0, 0), 2
    gap = max(0, said["stated"] - counted)
    is_counted = answer + thinking > 0
    more_in = 0 if prompt > 0 else (gap if is_counted else min(gap, tokens["prompt"])) or tokens["prompt"]
    left = max(0, gap - more_in)

    def lacking(estimate, known):
        return max(0, (-(-estimate // 3) if known + left else estimate) - known)

    whole = call["outcome"] == "finished" and said["balanced"]
    last_word = whole and is_counted and (answer > 0 or tokens["answer"] == 0)
    raised = 0 if last_word else lacking(tokens["answer"], answer) + lacking(tokens["thoughts"], thinking)
    more = (more_in, max(left, raised))
    if usage:
        more = (max(0, usage["input_tokens"] - prompt), max(0, usage["output_tokens"] - answer))
    return said, more, 0 if whole and sum(more) == 0 else 1


def derive(call):
    """The whole call: lines, total in picodollars (None: unknown), accuracy, balanced."""
    said = read_usage({} if call["usage_raw"] is None else call["usage_raw"])
    balanced = call["usage_raw"] is None or said["balanced"]
    if call["outcome"] == "refused":
        return [], 0, "exact", balanced
    counts, more, sure = measure(call, said)
    counted = call["counted"] or {}
    search, maps = counted.get("search", {"prompts": 0, "queries": 0}), counted.get("maps", {"prompts": 0})["prompts"]
    searched = search["prompts"] + search["queries"] > 0
    rates = call["price"] and call["price"]["rates"]
    if not rates or (searched and "search" not in rates) or (maps and "maps" not in rates):
        return [], None, "unknown", balanced
    own = rates if counts["tier"] == "standard" else rates.get("tier", {}).get(counts["tier"])
    prices = own or rates  # a tier without a price: the standard one, as a guess
    above = prices.get("above")
    if above and sum(counts["fresh"] + counts["cached"]) + more[0] > above["tokens"]:
        prices = above
    lines = []

    def add(item, quantity, price, unit="token"):
        if quantity > 0:
            lines.append((item, quantity, unit, price, quantity * price))

    def price(name, kind="text"):
        return scale(prices.get(f"{name}_{kind}", prices[name]), 6)

    for kind, quantity in zip(KINDS, counts["fresh"]):
        add(f"input_{kind}", quantity, price("input", kind))
    add("input_unreported", more[0], price("input"))
    for kind, quantity in zip(KINDS, counts["cached"]):
        add(f"cached_{kind}", quantity, price("cached", kind))
    add("tool_input", counts["tool"], price("input") if rates["bill_tool_input"] else 0)
    for kind, quantity in zip(KINDS, counts["output"]):
        add(f"output_{kind}", quantity, price("output", kind))
    add("thinking", counts["thinking"], price("output"))
    add("output_unreported", more[1], price("output"))
    guessed = own is None
    if searched:
        unit = {"prompt": "request", "query": "query"}[rates["search"]["per"]]
        quantity = search["prompts"] if unit == "request" else search["queries"]
        add("grounding", quantity, scale(rates["search"]["price"], 9), unit)
        guessed = guessed or quantity == 0 and unit == "query"
    if maps:
        unit = {"prompt": "request", "query": "query"}[rates["maps"]["per"]]
        add("grounding_maps", maps, scale(rates["maps"]["price"], 9), unit)
        guessed = guessed or unit == "query"
    return lines, sum(line[4] for line in lines), ACCURACIES[2 if guessed else sure], balanced


differences = 0


def compare(what, says, should):
    global differences
    if says != should:
        differences += 1
        print(f"  DIFFERENT: {what} is {says}, and should be {should}")


def check(receipt):
    calls = receipt["attempts"]
    total = scale(receipt["total"], 12) if not calls and receipt["total"] is not None else None
    worst = "exact" if calls else receipt["accuracy"]
    for call in calls:
        model, price = call["model_served"] or call["model_requested"], call["price"]
        print(f"call {call['attempt']}, {call['purpose']}, {call['at']}: {model}, {price['id'] if price else 'no price'}")
        # A call that could not be counted at all is booked as of unknown cost, without lines.
        is_nothing = (price, call["usage"], call["accuracy"], call["lines"]) == (None, None, "unknown", [])
        lines, cost, accuracy, balanced = ([], None, "unknown", call["balanced"]) if is_nothing else derive(call)
        for item, quantity, unit, unit_price, amount in lines:
            print(f"  {item:18} {quantity:9} {unit:7} x {usd(unit_price):>14} = {usd(amount)}")
        said = [(line["item"], line["quantity"], line["unit"], line["unit_price"], line["amount"]) for line in call["lines"]]
        compare("lines", said, [(*line[:3], usd(line[3]), usd(line[4])) for line in lines])
        compare("total", call["total"] or "null", usd(cost))
        compare("accuracy", call["accuracy"], accuracy)
        compare("balanced", call["balanced"], balanced)
        total = total if cost is None else (total or 0) + cost
        worst = max(worst, accuracy, key=ACCURACIES.index)
    compare("the turn's total", receipt["total"] or "null", usd(total))
    compare("the turn's accuracy", receipt["accuracy"], worst)
    print(f"turn {receipt['turn_id']}: {usd(total)} USD, {worst}")


def read(text):
    """What the server answers instead of a receipt, a wrong key say, is told in its words."""
    try:
        receipt = json.loads(text)
    except ValueError:
        receipt = None
    found = receipt if isinstance(receipt, dict) else {}
    if "attempts" not in found:
        sys.exit(f"This is no receipt: {found.get('detail', 'it is no JSON with `attempts`')}")
    return found


for name in sys.argv[1:] or [None]:
    with open(name, encoding="utf-8") if name else sys.stdin as source:
        check(read(source.read()))
if differences > 0:
    print(f"{differences} different")
sys.exit(1 if differences > 0 else 0)
