"""Trains the two-towers of MovieLens-100K and makes them towers of Belfry, with items, users and tests as JSON lines.

A variant is a loss and a split: `softmax`, `logistic` and `rich` see a random 80 % of the ratings, `…-last` all but
each user's last, `…-one` all but one of each user, drawn at random. A rating of any height means "has seen".
"""
import re, sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import numpy as np, torch
from torch import nn
from torch.nn import functional as F
import systems

FOLDER = systems.data / "ml_100k"
FILES = [FOLDER / name for name in ("u.data", "u.item", "u.user", "u.genre")]
VARIANTS = [loss + split for split in ("", "-last", "-one") for loss in ("softmax", "logistic")] + ["rich"]
SIZE, BATCH, RATE, MOST_EPOCHS, PATIENCE = 32, 1024, 0.003, 60, 5
DECAY = {"softmax": 0.5, "logistic": 0.1, "rich": 0.5}      # all chosen for hit rate at 10 of a validation part
NEGATIVES, UNKNOWN = 8, 0.1         # of logistic; the share of ratings that train the unknown user's row
AGES = [18, 25, 35, 45, 50, 56]


# ── Data: users and films are rows 1, 2, …; row 0 is an unknown one

def load():
    """(ratings [n, 3] of user row, film row and time; users; films): the films are the distinct titles."""
    genres = [line.split("|")[0] for line in (FOLDER / "u.genre").read_text().split()]
    films, row_of = {}, {}
    for line in (FOLDER / "u.item").read_text("latin-1").splitlines():
        number, title, *_ = line.split("|")
        year, marks = re.search(r"\((\d{4})\)\s*$", title), line.split("|")[-len(genres):]
        films.setdefault(title, {"id": int(number), "title": title, "year": int(year[1]) if year else None,
                                 "genres": [genre for genre, mark in zip(genres, marks) if mark == "1"]})
        row_of[int(number)] = list(films).index(title) + 1
    users = []
    for line in (FOLDER / "u.user").read_text().splitlines():
        number, age, *rest = line.split("|")
        users.append({"user_id": int(number), "age": int(age)} | dict(zip(("gender", "occupation", "zip"), rest)))
    table = np.loadtxt(FOLDER / "u.data", dtype=np.int64)
    ratings = np.stack([table[:, 0], [row_of[film] for film in table[:, 1]], table[:, 3]], axis=1)
    # Titles that stand twice in the catalogue were rated twice by some: the first time counts.
    ratings = ratings[np.lexsort((ratings[:, 1], ratings[:, 2]))]
    _, first = np.unique(ratings[:, :2], axis=0, return_index=True)
    return ratings[np.sort(first)], users, list(films.values())


def split(ratings, how, random, share=0.2):
    """(training, held out) of ratings in the order of time."""
    held = np.zeros(len(ratings), bool)
    if how == "random":
        held[random.permutation(len(ratings))[:round(len(ratings) * share)]] = True
    else:
        for user in np.unique(ratings[:, 0]):
            own = np.flatnonzero(ratings[:, 0] == user)
            held[own[-1] if how == "last" else random.choice(own)] = True
    return ratings[~held], ratings[held]


# ── Towers

class Ids(nn.Module):
    """A vector for each row. `inputs` are those of all rows, which give the sizes."""
    def __init__(self, inputs):
        super().__init__()
        self.table = nn.Embedding(len(next(iter(inputs.values()))), SIZE)
        nn.init.normal_(self.table.weight, std=0.05)

    def forward(self, row): return self.table(row)


class RichUser(Ids):
    """The user's own vector, plus one of age, gender, occupation and the first digit of the zip code."""
    def __init__(self, inputs):
        super().__init__(inputs)
        self.parts = nn.ModuleList([nn.Embedding(int(values.max()) + 1, 8) for values in list(inputs.values())[1:]])
        self.mix = nn.Linear(4 * 8, SIZE)

    def forward(self, row, age, gender, occupation, zip_area):
        parts = [part(value) for part, value in zip(self.parts, (age, gender, occupation, zip_area))]
        return self.table(row) + self.mix(torch.cat(parts, 1))


class RichFilm(Ids):
    """The film's own vector, plus one of genres and year."""
    def __init__(self, inputs):
        super().__init__(inputs)
        self.mix = nn.Linear(inputs["genres"].shape[1] + 1, SIZE)

    def forward(self, row, genres, year): return self.table(row) + self.mix(torch.cat([genres, year], 1))


def columns(folder, loss_name, users, films):
    """The feature columns of both towers."""
    ids = systems.vocabulary(folder / "users.txt", [user["user_id"] for user in users])
    titles = systems.vocabulary(folder / "titles.txt", [film["title"] for film in films])
    user = [{"input": "user_id", "type": "index", "lookup": ids, "missing": 0}]
    film = [{"input": "title", "type": "index", "lookup": titles}]
    if loss_name == "rich":
        occupations = sorted({user["occupation"] for user in users})
        genres = sorted({genre for film in films for genre in film["genres"]})
        words = lambda values: {"vocabulary": values, "first_row": 1, "unknown": 0}
        user += [{"input": "age", "type": "index", "lookup": {"boundaries": AGES, "first_row": 1}, "missing": 0},
                 {"input": "gender", "type": "index", "lookup": words(["F", "M"]), "missing": 0},
                 {"input": "occupation", "type": "index", "lookup": words(occupations), "missing": 0},
                 {"input": "zip", "type": "index", "lookup": words(list("0123456789")) | {"prefix": 1}, "missing": 0}]
        film += [{"input": "genres", "type": "multi_hot", "lookup": {"vocabulary": genres, "unknown": "skip"}},
                 {"input": "year", "type": "number", "mean": 1990, "std": 20, "default": 1990}]
    return user, film


# ── Training

def loss_of(loss_name, users, film_rows, log_share, all_films, random):
    """Of users' vectors, [batch, SIZE], and the films that each of them saw."""
    films = all_films[film_rows]
    if loss_name == "logistic":
        drawn = torch.from_numpy(random.integers(1, len(all_films), (len(users), NEGATIVES)))
        negatives = torch.einsum("bd,bnd->bn", users, all_films[drawn])
        return F.softplus(-(users * films).sum(1)).mean() + F.softplus(negatives).sum(1).mean()
    # In-batch softmax. A film is drawn as often as it is seen: log-Q corrects for that. It is no negative of itself.
    same = (film_rows[None] == film_rows[:, None]) & ~torch.eye(len(film_rows), dtype=torch.bool)
    scores = (users @ films.T - log_share[film_rows]).masked_fill(same, -torch.inf)
    return F.cross_entropy(scores, torch.arange(len(users)))


def train(loss_name, towers, user_inputs, film_inputs, ratings, epochs, held=None):
    """(user tower, film tower, best epochs, hit rate there): with `held`, stops when it gets no better."""
    random, (user_tower, film_tower) = systems.seeded(), towers()
    parameters = nn.ModuleList([user_tower, film_tower]).parameters()
    optimizer = torch.optim.AdamW(parameters, RATE, weight_decay=DECAY[loss_name])
    counts = torch.bincount(torch.from_numpy(ratings[:, 1]), minlength=len(film_inputs["title"]))
    log_share = (counts / len(ratings)).clamp_min(1e-9).log()
    best, best_epochs = -1.0, epochs
    for epoch in range(1, epochs + 1):
        order = random.permutation(len(ratings))
        for start in range(0, len(order), BATCH):
            user_rows, film_rows = torch.from_numpy(ratings[order[start:start + BATCH], :2]).T
            users = {name: values[user_rows] for name, values in user_inputs.items()}
            users["user_id"] *= torch.rand(len(user_rows)) >= UNKNOWN
            all_films = film_tower(*film_inputs.values())
            loss = loss_of(loss_name, user_tower(*users.values()), film_rows, log_share, all_films, random)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        if held is not None:
            reached = hit_rate(user_tower, film_tower, user_inputs, film_inputs, ratings, held)
            if reached > best: best, best_epochs = reached, epoch
            if epoch >= best_epochs + PATIENCE: break
    return user_tower, film_tower, best_epochs, best


@torch.no_grad()
def hit_rate(user_tower, film_tower, user_inputs, film_inputs, seen, held, k=10):
    """The share of held-out ratings whose film is among the k best of those that its user has not seen in training."""
    scores = user_tower(*user_inputs.values()) @ film_tower(*film_inputs.values()).T
    scores[seen[:, 0], seen[:, 1]] = -torch.inf
    scores[:, 0] = -torch.inf
    ranks = (scores[held[:, 0]] > scores[held[:, 0], held[:, 1]][:, None]).sum(1)
    return float((ranks < k).float().mean())


def write(folder, users, films, training, test):
    """Items, users and both tests: one query for each held-out rating, and one for each user with all of hers."""
    ids = np.array([0] + [film["id"] for film in films])
    seen, held = ({user: ids[part[part[:, 0] == user, 1]].tolist() for user in range(1, len(users) + 1)}
                  for part in (training, test))
    counts = np.bincount(training[:, 1], minlength=len(ids))
    systems.write_jsonl(folder / "items.jsonl", (f | {"popularity": int(n)} for f, n in zip(films, counts[1:])))
    systems.write_jsonl(folder / "users.jsonl", (u | {"seen": seen[u["user_id"]]} for u in users))
    systems.write_jsonl(folder / "test.jsonl.gz", (
        {"user": user, "film": film, "seen": seen[user], "rated": seen[user] + [f for f in held[user] if f != film]}
        for user in held for film in held[user]))
    systems.write_jsonl(folder / "test-users.jsonl", (
        {"user": user, "films": held[user], "seen": seen[user]} for user in held if held[user]))


def make(folder, variant):
    loss, _, how = (variant if "-" in variant else variant + "-random").partition("-")
    ratings, users, films = load()
    training, test = split(ratings, how, np.random.default_rng(42))
    write(folder, users, films, training, test)
    user_columns, film_columns = columns(folder, loss, users, films)
    # A row without anything stands first: it is that of the unknown user and film.
    tensors = [systems.tensors(own, [{"genres": []}] + rows, folder)
               for own, rows in ((user_columns, users), (film_columns, films))]
    kinds = (RichUser, RichFilm) if loss == "rich" else (Ids, Ids)
    towers = lambda: [kind(own) for kind, own in zip(kinds, tensors)]
    fit, validation = split(training, how, np.random.default_rng(43), 0.1)
    *_, epochs, reached = train(loss, towers, *tensors, fit, MOST_EPOCHS, validation)
    print(f"{variant}: {epochs} epochs, hit rate at 10 of the validation part {reached:.4f}", flush=True)
    user_tower, film_tower, *_ = train(loss, towers, *tensors, training, epochs)
    user, film = ({name: values[1:101] for name, values in own.items()} for own in tensors)
    systems.import_pair(folder, (user_tower, user, user_columns), (film_tower, film, film_columns))
    systems.check(folder, users[:100], films[:100], user_tower(*user.values()) @ film_tower(*film.values()).T)


if __name__ == "__main__":
    chosen = systems.arguments(__doc__, VARIANTS)
    for variant in chosen.variants:
        systems.make(systems.cache / "movielens" / variant, FILES, chosen.train, lambda folder: make(folder, variant))
