"""What was measured, as JSON and as Markdown."""
import os
import statistics
import time

# How a figure is called, how it is written, and whether more of it is better.
FIGURES = {
    "mb_s": ("MB/s", "{:,.0f}", True),
    "req_s": ("requests/s", "{:,.0f}", True),
    "cpu_s_gb": ("CPU s/GB", "{:.3f}", False),
    "cpu_us": ("CPU µs each", "{:.1f}", False),
    "p50_ms": ("p50 ms", "{:.2f}", False),
    "p99_ms": ("p99 ms", "{:.1f}", False),
    "wall_s": ("seconds", "{:.2f}", False),
    "first_byte_s": ("first byte s", "{:.3f}", False),
    "large_wait_s": ("longest wait for the largest blob s", "{:.3f}", False),
    "requests": ("upstream requests", "{:,.0f}", False),
    "blob_gets": ("upstream blob GETs", "{:,.0f}", False),
    "gets_per_blob": ("upstream GETs per blob", "{:.2f}", False),
    "upstream_x": ("upstream bytes ×", "{:.2f}", False),
    "per_tag": ("requests to the source per tag", "{:.2f}", False),
    "there_per_tag": ("to each destination per tag", "{:.2f}", False),
    "source_mb": ("MB read from the source", "{:,.1f}", False),
    "source_x": ("of what is distinct ×", "{:.2f}", False),
    "one_wall_s": ("to one alone: seconds", "{:.2f}", False),
    "fan_ratio": ("ratio of the two", "{:.2f}", False),
    "sync_wall_s": ("seconds of a sync", "{:.2f}", False),
    "relay_ratio": ("relay to sync", "{:.2f}", False),
    "cpu_s": ("CPU s", "{:.2f}", False),
    "rss_mib": ("peak RSS MiB", "{:.0f}", False),
    "anon_mib": ("of it not files MiB", "{:.0f}", False),
    "pull_ms": ("ms per pull", "{:.2f}", False),
    "pull_cpu_ms": ("CPU ms per pull", "{:.3f}", False),
    "few_cpu_ms": ("with 1,000 CPU ms per pull", "{:.3f}", False),
    "cpu_ratio": ("CPU per pull, ratio of the two", "{:.2f}", False),
    "begin_mib": ("RSS after the start MiB", "{:.0f}", False),
    "start_ms": ("ms until it answers", "{:.0f}", False),
}
WARM = "warm_"


def about(figure):
    if figure.startswith(WARM):
        label, form, more = FIGURES[figure.removeprefix(WARM)]
        return f"warm: {label}", form, more
    return FIGURES[figure]


def summary(values):
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
        "values": [round(value, 4) for value in values],
    }


def summarise(runs):
    """The figures of one peer: {figure: [values]} of all its runs."""
    names = {name for run in runs for name in run}
    found = {name: summary([run.get(name) for run in runs]) for name in sorted(names)}
    return {name: figures for name, figures in found.items() if figures}


def median(peers, peer, figure):
    return peers.get(peer, {}).get("figures", {}).get(figure, {}).get("median")


def judge(goal, peers):
    """What a goal asks, what came out, and whether it is reached; None where nobody is there to compare with."""
    ours = median(peers, "entrepot", goal.figure)
    label, form, more = about(goal.figure)
    if ours is None:
        return None
    if not goal.against:
        # As exact as it is shown: 1.002 × is 1.00 ×.
        value, text = float(form.format(ours).replace(",", "")), f"{label} {goal.relation} {goal.factor:g}"
        return verdict(goal, text, value, form.format(ours))
    others = {peer: median(peers, peer, goal.figure) for peer in goal.against}
    others = {peer: value for peer, value in others.items() if value}
    if not others:
        return None
    best = (max if more else min)(others, key=others.get)
    ratio = ours / others[best]
    return verdict(goal, f"{label} {goal.relation} {goal.factor:g} × {best}", ratio, f"{ratio:.2f} ×")


def verdict(goal, text, value, shown):
    reached = value <= goal.factor if goal.relation == "at most" else value >= goal.factor
    return {"goal": text, "measured": shown, "reached": reached}


def result(workload, peers, skipped):
    """`peers`: {name: (version, [figures of a run], [errors])}."""
    found = {}
    for name, (version, runs, errors) in peers.items():
        found[name] = {"version": version, "runs": len(runs), "figures": summarise(runs), "errors": errors[:3]}
    return {
        "title": workload.title,
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": "{cores} × {processor}".format(**machine()),
        "columns": workload.figures,
        "peers": found,
        "goals": [one for goal in workload.goals if (one := judge(goal, found))],
        "skipped": skipped,
    }


def cell(figures, figure, first):
    if figure not in figures:
        return ""
    form, one = about(figure)[1], figures[figure]
    text = form.format(one["median"])
    if first and len(one["values"]) > 1:
        text += f" ({form.format(one['min'])}–{form.format(one['max'])})"
    return text


def ratio(peers, peer, figure):
    ours, theirs = median(peers, "entrepot", figure), median(peers, peer, figure)
    if not ours or not theirs:
        return ""
    return f"{theirs / ours:.2f} ×"


def table(name, found):
    first, peers = found["columns"][0], found["peers"]
    runs = max((one["runs"] for one in peers.values()), default=0)
    yield f"## {name}: {found['title']}\n"
    labels = [about(figure)[0] for figure in found["columns"]]
    yield f"| | {labels[0]} | entrepot = 1 | " + " | ".join(labels[1:]) + " |"
    yield "|---|" + "--:|" * (len(labels) + 1)
    for peer, one in peers.items():
        cells = [cell(one["figures"], figure, figure == first) for figure in found["columns"]]
        yield f"| {peer} | {cells[0]} | {ratio(peers, peer, first)} | " + " | ".join(cells[1:]) + " |"
    yield ""
    for goal in found["goals"]:
        yield f"- {'reached' if goal['reached'] else '**missed**'}: {goal['goal']}; measured {goal['measured']}"
    for peer, one in peers.items():
        for error in one["errors"]:
            yield f"- {peer} failed: {error}"
    for line in found["skipped"]:
        yield f"- {line}"
    versions = ", ".join(f"{peer} {one['version']}" for peer, one in peers.items() if one["version"])
    yield f"- medians of {runs} run{'s' if runs != 1 else ''}, {found['date']}, {found['machine']}; {versions}\n"


def machine():
    with open("/proc/cpuinfo") as file:
        models = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    model = models[0] if models else "unknown processor"
    return {"cores": os.cpu_count(), "processor": model, "kernel": os.uname().release.partition("-")[0]}


# ---- the short of it, in the READMEs -------------------------------------------------------------

# What nobody reads twice is left out here: one line for each thing that a user would notice.
SHORT = (
    ("cold-one", "wall_s", "one client, 1.6 GB, cold: seconds", "单客户端首次拉取 1.6 GB：秒"),
    ("cold-large", "wall_s", "20 clients at once, 1.6 GB, cold: seconds", "20 个客户端同时首次拉取 1.6 GB：秒"),
    ("cold-large", "upstream_x", "— bytes fetched from the origin, × the image", "— 从上游下载的字节数 ÷ 镜像大小"),
    ("cold-large", "large_wait_s", "— longest wait for a first byte: seconds", "— 等待首字节的最长时间：秒"),
    ("cold-large", "rss_mib", "— peak memory: MiB", "— 内存峰值：MiB"),
    ("cold-layers", "blob_gets", "20 clients at once, 61 blobs: blob requests to the origin", "20 个客户端、61 个层：上游下载次数"),
    ("cold-far", "wall_s", "20 clients, 60 MB, the origin 40 ms away: seconds", "20 个客户端、60 MB、上游延迟 40 ms：秒"),
    ("cold-capped", "wall_s", "1 GB, each connection capped at 4 MB/s: seconds", "1 GB、每个上游连接限速 4 MB/s：秒"),
    ("repeat", "requests", "200 pulls of a cached tag: requests to the origin", "同一标签再拉取 200 次：上游请求数"),
    ("warm-large", "cpu_s_gb", "warm, large blobs: CPU seconds per GB", "已缓存的大文件：每 GB 消耗的 CPU 秒数"),
    ("warm-small", "req_s", "warm, 4 KB blobs: requests per second", "已缓存的 4 KB 文件：每秒请求数"),
    ("manifest-get", "req_s", "manifest by tag, GET: requests per second", "按标签 GET 清单：每秒请求数"),
    ("manifest-head", "req_s", "manifest by tag, HEAD: requests per second", "按标签 HEAD 清单：每秒请求数"),
)
BESIDE = ("entrepot", "nginx", "docker-registry", "distribution-v3", "zot", "olareg")
BEGIN, END = "<!-- bench -->", "<!-- /bench -->"


def short(results, language, before):
    """The table of the README in a language: 0 is English, 1 Chinese. What was not measured again stays as it was."""
    workloads = results["workloads"]
    known = {peer: one["version"] for found in workloads.values() for peer, one in found["peers"].items()}
    heads = {head.split(" ")[0]: head for line in before[:1] for head in cells_of(line)}
    rows = {cells_of(line)[0]: line for line in before[2:]}
    yield "| | " + " | ".join(f"{peer} {known[peer]}" if known.get(peer) else heads.get(peer, peer) for peer in BESIDE) + " |"
    yield "|---|" + "--:|" * len(BESIDE)
    for workload, figure, *titles in SHORT:
        title = titles[language]
        if workload in workloads:
            cells = [short_cell(workloads[workload]["peers"], peer, figure) for peer in BESIDE]
            yield f"| {title} | " + " | ".join(cells) + " |"
        elif title in rows:
            yield rows[title]


def cells_of(line):
    return [cell.strip() for cell in line.strip().strip("|").split("|") if cell.strip()]


def short_cell(peers, peer, figure):
    # nginx is two: what serves files where that is measured, else what caches.
    names = ("nginx-static", "nginx-cache") if peer == "nginx" else (peer,)
    values = [median(peers, name, figure) for name in names]
    value = next((value for value in values if value is not None), None)
    text = "—" if value is None else about(figure)[1].format(value)
    return f"**{text}**" if peer == "entrepot" else text


def put_short(path, results, language):
    """Between the two marks in a document; the rest of it stays as it is."""
    with open(path) as file:
        before, begin, rest = file.read().partition(BEGIN)
    there, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path} has no {BEGIN} … {END}")
    table = "\n".join(short(results, language, there.strip().splitlines()))
    with open(path, "w") as file:
        file.write(f"{before}{BEGIN}\n{table}\n{END}{after}")


# ---- all of it -----------------------------------------------------------------------------------

HEAD = """# entrepot beside its peers

Written by `make bench ARGS=--write`; do not edit. Everything runs on one machine over loopback, peers in turn within each run.
In brackets: the smallest and the largest run. What each measurement does, and how the peers are set up, is in
[bench](../bench/README.md). Ratios hold; absolute figures are those of the machine that is named below each of them.
"""
SECTION = "\n## "


def markdown(results, before):
    """The whole document. Of the one there was, `before`, sections stay that were not measured again."""
    sections = {}
    for section in before.split(SECTION)[1:]:
        sections[section.partition(":")[0]] = f"## {section.strip()}\n"
    for name, found in results["workloads"].items():
        sections[name] = "\n".join(table(name, found)).strip() + "\n"
    yield HEAD
    yield from sections.values()


def put_markdown(path, results):
    """Writes the document that has all figures."""
    before = ""
    if os.path.exists(path):
        with open(path) as file:
            before = file.read()
    text = "\n".join(markdown(results, before))
    with open(path, "w") as file:
        file.write(text)
