"""Trains GRU4Rec on four kinds of sessions and makes session towers of Belfry, with items and tests as JSON lines.

`yoochoose`: clicks in a shop; `spotify`: playlists; `movielens`: the films of a user in the order of their ratings;
`three-domains`: synthetic walks over films, tracks and books, by the rule in three_domains.py.
"""
import csv, sys
from collections import Counter
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import numpy as np, torch
from torch import nn
from torch.nn import functional as F
import systems, three_domains

CLICKS = [systems.data / f"yoochoose_100k/yoochoose-clicks-100k_{part}.txt" for part in ("train_full", "test")]
RATINGS, FILMS = systems.data / "ml_100k/u.data", systems.data / "ml_100k/u.item"
FILES = {"yoochoose": CLICKS, "spotify": [three_domains.MUSIC], "movielens": [RATINGS, FILMS], "three-domains": [
    three_domains.__file__, three_domains.MOVIES, three_domains.MUSIC, three_domains.BOOKS]}
LENGTH = 50                                     # the last items of a session, which the tower reads
EMBEDDING, HIDDEN, DROPOUT = 64, 128, 0.25
RATE, BATCH, MOST_EPOCHS, PATIENCE = 0.001, 64, 100, 3


# ── Data: (items, fit, training, validation, test). A session is a list of indices of items. Fit and training, which
# ── has the validation part too, are lists of sessions; validation and test of (session, first place to foretell).

def yoochoose(random):
    """Split by day in the source; the tenth of the training sessions that start last are the validation part."""
    parts = []
    for path in CLICKS:
        clicks, sessions = np.loadtxt(path, skiprows=1), {}
        for session, item, _ in clicks[np.argsort(clicks[:, 2], kind="stable")]:        # in the order of their starts
            sessions.setdefault(session, []).append(int(item))
        parts.append(list(sessions.values()))
    place = {item: i for i, item in enumerate(sorted({item for session in parts[0] for item in session}))}
    training, test = ([[place[item] for item in session if item in place] for session in part] for part in parts)
    items = [{"id": str(item), "title": f"item {item}", "domain": "Shop"} for item in place]
    tenth = len(training) // 10
    return items, *whole(training[:-tenth], training[-tenth:], test)


def spotify(random):
    """Split by playlist, 70, 10 and 20 %. Items are the tracks that are in two or more of the training playlists."""
    playlists, titles = {}, {}
    with open(three_domains.MUSIC, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            playlists.setdefault(row["playlist_id"], {})[row["track_id"]] = True
            titles[row["track_id"]] = f"{row['track_artist']}: {row['track_name']}"
    parts = shares(list(playlists.values()), random)
    counts = Counter(track for playlist in parts[0] for track in playlist)
    place = {track: i for i, track in enumerate(sorted(track for track, n in counts.items() if n >= 2))}
    parts = [[[place[track] for track in playlist if track in place] for playlist in part] for part in parts]
    items = [{"id": track, "title": titles[track], "domain": "Music"} for track in place]
    return items, *whole(*([session for session in part if len(session) > 1] for part in parts))


def movielens(random):
    """The last fifth of each timeline is the test, the last tenth of what remains the validation part."""
    place, titles = {}, {}
    for line in FILMS.read_text("latin-1").splitlines():
        number, title, *_ = line.split("|")
        titles.setdefault(title, number)
        place[int(number)] = list(titles).index(title)
    ratings, timelines = np.loadtxt(RATINGS, dtype=np.int64), {}
    for user, film, _, time in ratings[np.lexsort((ratings[:, 1], ratings[:, 3]))]:
        timelines.setdefault(user, {})[place[film]] = True
    timelines = [list(timeline) for timeline in timelines.values()]
    training = [timeline[:len(timeline) * 8 // 10] for timeline in timelines]
    items = [{"id": number, "title": title, "domain": "Movie"} for title, number in titles.items()]
    cuts = [len(session) * 9 // 10 for session in training]
    return (items, [session[:cut] for session, cut in zip(training, cuts)], training, list(zip(training, cuts)),
            [(timeline, len(session)) for timeline, session in zip(timelines, training)])


def three(random):
    """Split by session, 70, 10 and 20 %."""
    items, sessions = three_domains.sessions(random)
    return items, *whole(*shares(sessions, random))


def shares(sessions, random):
    sessions = [sessions[i] for i in random.permutation(len(sessions))]
    tenth = len(sessions) // 10
    return sessions[3 * tenth:], sessions[2 * tenth:3 * tenth], sessions[:2 * tenth]


def whole(fit, validation, test):
    return fit, fit + validation, [(session, 1) for session in validation], [(session, 1) for session in test]


LOADERS = {"yoochoose": yoochoose, "spotify": spotify, "movielens": movielens, "three-domains": three}


# ── The model

class GRU4Rec(nn.Module):
    """Scores of all items after a session (Hidasi et al., 2016), and the hidden state that they are made of."""
    def __init__(self, items):
        super().__init__()
        self.embedding = nn.Embedding(items + 1, EMBEDDING, padding_idx=0)       # row 0 pads
        self.gru = nn.GRU(EMBEDDING, HIDDEN, batch_first=True)
        self.output = nn.Linear(HIDDEN, items)
        self.dropout = nn.Dropout(DROPOUT)

    def states(self, items): return self.dropout(self.gru(self.dropout(self.embedding(items)))[0])

    def forward(self, items, lengths):
        last = (lengths - 1).view(-1, 1, 1).expand(-1, 1, HIDDEN)
        hidden = self.states(items).gather(1, last).squeeze(1)
        return self.output(hidden), hidden


def padded(sessions):
    """(embedding rows [sessions, longest], lengths)"""
    lengths = torch.tensor([len(session) for session in sessions])
    rows = [torch.tensor(session) + 1 for session in sessions]
    return nn.utils.rnn.pad_sequence(rows, batch_first=True), lengths


def train(items, sessions, epochs, validation=None):
    """(model, best epochs, cross-entropy there): with `validation`, stops when it gets no better."""
    random, model = systems.seeded(), GRU4Rec(items)
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    best, best_epochs = np.inf, epochs
    for epoch in range(1, epochs + 1):
        model.train()
        windows = []            # of LENGTH steps, cut anew in each epoch
        for session in sessions:
            first = int(random.integers(LENGTH)) if len(session) > LENGTH + 1 else 0
            starts = [0] * (first > 0) + list(range(first, len(session) - 1, LENGTH))
            windows += [session[a:b + 1] for a, b in zip(starts, starts[1:] + [len(session)])]
        windows = [windows[i] for i in random.permutation(len(windows)) if len(windows[i]) > 1]
        for start in range(0, len(windows), BATCH):
            rows, _ = padded(windows[start:start + BATCH])
            wanted = rows[:, 1:]
            loss = F.cross_entropy(model.output(model.states(rows[:, :-1])[wanted > 0]), wanted[wanted > 0] - 1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if validation is not None:
            reached = cross_entropy(model, validation)
            if reached < best: best, best_epochs = reached, epoch
            if epoch >= best_epochs + PATIENCE: break
    return model.eval(), best_epochs, best


def steps(held):
    """Each item to be foretold, with the items before it."""
    return [(session[:place], session[place]) for session, first in held for place in range(first, len(session))]


@torch.no_grad()
def cross_entropy(model, queries):
    model.eval()
    total = 0.0
    for part in (queries[start:start + 256] for start in range(0, len(queries), 256)):
        scores, _ = model(*padded([before[-LENGTH:] for before, _ in part]))
        total += float(F.cross_entropy(scores, torch.tensor([item for _, item in part]), reduction="sum"))
    return total / len(queries)


def write(folder, items, training, test, repeats):
    """Items and both tests; `seen` is what cannot come again: nothing in a shop, the session elsewhere."""
    counts = Counter(item for session in training for item in session)
    ids = [item["id"] for item in items]
    systems.write_jsonl(folder / "items.jsonl", (item | {"popularity": counts[i]} for i, item in enumerate(items)))
    names = lambda session: [ids[item] for item in session]
    query = lambda before, relevant: {"session": names(before[-LENGTH:]), "relevant": names(dict.fromkeys(relevant)),
                                      "seen": [] if repeats else names(before)}
    systems.write_jsonl(folder / "test-next.jsonl.gz", (query(before, [item]) for before, item in steps(test)))
    halves = [(session, max(first, len(session) // 2)) for session, first in test]
    systems.write_jsonl(folder / "test-rest.jsonl.gz", (query(session[:at], session[at:]) for session, at in halves))


def make(folder, variant):
    items, fit, training, validation, test = LOADERS[variant](np.random.default_rng(42))
    write(folder, items, training, test, repeats=variant == "yoochoose")
    queries = steps(validation)
    sample = [queries[i] for i in np.random.default_rng(43).permutation(len(queries))[:4000]]
    _, epochs, reached = train(len(items), fit, MOST_EPOCHS, sample)
    print(f"{variant}: {len(items)} items, {len(training)} sessions, {epochs} epochs, cross-entropy {reached:.3f}")
    model, *_ = train(len(items), training, epochs)
    lookup = systems.vocabulary(folder / "items.txt", [item["id"] for item in items], unknown="skip")
    column = {"input": "items", "type": "list", "lookup": lookup, "length": LENGTH, "keeps": "last", "minimum": 1,
              "lengths": "lengths"}
    layer = {"tensor": "output.weight", "bias": "output.bias", "field": "id",
             "lookup": {"vocabulary": lookup["vocabulary"]}}
    first = [before[-LENGTH:] for before, _ in steps(test)[:50]]
    example = dict(zip(("items", "lengths"), padded(first)))
    systems.import_session(folder, model, example, [column], layer)
    rows = [{"items": [items[item]["id"] for item in before]} for before in first]
    systems.check(folder, rows, items, model(**example)[0])


if __name__ == "__main__":
    chosen = systems.arguments(__doc__, LOADERS)
    for variant in chosen.variants:
        folder = systems.cache / "sessions" / variant
        systems.make(folder, FILES[variant], chosen.train, lambda folder: make(folder, variant))
