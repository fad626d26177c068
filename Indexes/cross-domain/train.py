"""Trains two-towers on what customers took in a source domain, and makes them towers of Belfry that score a target domain.

A variant is `<source>-<target>-<features>`. The query is a bag of what a customer took; the item tower's features are
`none`: attributes and price (H&M), a hashed id (game, video); `cf`: and a vector of collaborative filtering (not with the
id, which says nothing in another domain); `content-cf`: and a vector of the text; `content`: the vector of the text only.
"""
import csv, gzip, json, sys
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import numpy as np, torch
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import svds
import feature_towers, systems
from feature_towers import LONGEST, number, scaled, several, tensor, train, vector, words

BATCH, CONTENT, FACTORS, TESTED, NEGATIVES = 1024, 64, 64, 1000, 20
GROUPS = {"ladieswear": "Ladieswear", "divided": "Divided", "sport": "Sport", "menswear": "Menswear"}
PAIRS = [("ladieswear", "divided"), ("ladieswear", "sport"), ("ladieswear", "menswear")]
BOTH_WAYS = [pair for a, b in PAIRS for pair in ((a, b), (b, a))]
VARIANTS = ([f"{a}-{b}-{features}" for a, b in BOTH_WAYS for features in ("none", "cf", "content-cf")]
            + [f"{a}-{b}-{features}" for a, b in (("game", "video"), ("video", "game")) for features in ("none", "cf")]
            + ["magazines-boxes-content", "boxes-magazines-content"])
FASHION = [systems.data / "hm_fashion" / name for name in ("articles.csv.gz", "purchases.csv.gz")]
GAMES = {"game": systems.data / "amazon_crossdomain_cdrib/game_video/new_reindex.txt",
         "video": systems.data / "amazon_crossdomain_cdrib/video_game/new_reindex.txt"}
TITLES = {"magazines": systems.data / "amazon2023_sequences_pixrec/Magazine_Subscriptions.jsonl",
          "boxes": systems.data / "amazon2023_sequences_pixrec/Subscription_Boxes.jsonl"}
ENCODER = systems.cache.parent / "all-MiniLM-L6-v2.tower"
ATTRIBUTES = {"product_type": "product_type_name", "group": "product_group_name", "appearance": "graphical_appearance_name",
              "colour": "colour_group_name", "tone": "perceived_colour_value_name", "garment_group": "garment_group_name"}


# ── Data: items of two domains, and customers, each as (items of the source, items of the target)

def read(path):
    with gzip.open(path, "rt", encoding="utf-8") as file: return list(csv.DictReader(file))


def fashion(source, target):
    """H&M's articles of two index groups that were bought in the six days."""
    role = {GROUPS[source]: 0, GROUPS[target]: 1}
    articles = {row["article_id"].lstrip("0"): row for row in read(FASHION[0])}
    purchases, prices = [], {}
    for row in read(FASHION[1]):
        article = row["article_id"].lstrip("0")
        if articles[article]["index_group_name"] not in role: continue
        purchases.append((row["customer_id"], article, role[articles[article]["index_group_name"]]))
        prices.setdefault(article, []).append(float(row["price"]))
    items = [{"id": int(article), "title": articles[article]["prod_name"], "domain": articles[article]["index_group_name"],
              "price": round(float(np.median(paid)), 6), "text": articles[article]["detail_desc"] or "-",
              **{field: articles[article][name] for field, name in ATTRIBUTES.items()}} for article, paid in prices.items()]
    return items, by_customer(purchases)


def games(source, target):
    """Amazon's games and videos: ids only. Users are numbered for both together, items for each alone."""
    taken = [(user, f"{name}-{item}", role) for role, name in enumerate((source, target))
             for user, item, _ in (line.split() for line in GAMES[name].read_text().splitlines())]
    return [{"id": item, "title": item, "domain": item.split("-")[0]} for item in dict.fromkeys(t[1] for t in taken)], by_customer(taken)


def titles(source, target):
    """Amazon's magazines and subscription boxes: a sequence of titles is a customer of one domain."""
    taken, items = [], {}
    for role, name in enumerate((source, target)):
        for number_, line in enumerate(TITLES[name].read_text().splitlines()):
            row = json.loads(line)
            for text in dict.fromkeys(row["user_history"] + [row["target_item"]]):
                title = " ".join(text.split("Title: ")[1].split(". Category:")[0].split())
                item = items.setdefault((role, title), {"id": f"{name}-{len(items)}", "title": title, "domain": name, "text": title})
                taken.append((f"{name}-{number_}", item["id"], role))
    return list(items.values()), by_customer(taken)


def by_customer(taken):
    """{customer: ([items of the source], [items of the target])}, each item once, in the order of the file."""
    customers = {}
    for customer, item, role in taken:
        own = customers.setdefault(customer, ({}, {}))
        own[role].setdefault(item if str(item).count("-") else int(item))
    return {customer: tuple(map(list, own)) for customer, own in customers.items()}


# ── A pair of domains, split

class Pair:
    """Customers who are tested or used for validation are in nobody's training: neither of towers nor of CF vectors.

    Tests are (customer, what is known, what is to be found): `source`, `target`: known is half of what a customer of both
    domains took in the source, to be found the other half, or all that the customer took in the target; `target-own`: known
    is half of what a customer took in the target, to be found the other half.
    """
    def __init__(self, source, target, features):
        random, self.features = np.random.default_rng(42), features
        self.items, customers = (fashion if source in GROUPS else games if source in GAMES else titles)(source, target)
        role_of = {item: role for own in customers.values() for role in (0, 1) for item in own[role]}
        self.items.sort(key=lambda item: (role_of[item["id"]], str(item["id"])))
        self.row = {item["id"]: row for row, item in enumerate(self.items)}
        self.sources = sum(role == 0 for role in role_of.values())
        people = [(name, *([self.row[i] for i in own] for own in customers[name])) for name, own in sorted(customers.items())]
        people = [people[i] for i in random.permutation(len(people))]
        shared = [p for p in people if len(p[1]) > 1 and p[2]] or [p for p in people if len(p[1]) > 1]
        tested = shared[:min(TESTED, len(shared) * 3 // 10)]
        def free(taken):
            names = {p[0] for p in taken}
            return [p for p in people if p[0] not in names]
        own = [p for p in free(tested) if len(p[2]) > 1]
        own = own[:min(TESTED, len(own) * 3 // 10)]
        validation = [p for p in free(tested + own) if len(p[1]) > 1]
        validation = validation[:min(TESTED, len(validation) // 10)]
        self.known = free(tested + own + validation)
        half = lambda rows: (rows[:(len(rows) + 1) // 2], rows[(len(rows) + 1) // 2:])
        cut = lambda people, role: [(p[0], *half(list(random.permutation(p[role])))) for p in people]
        self.tests = {"source": cut(tested, 1), "target-own": cut(own, 2)}
        self.tests["target"] = [(name, known, p[2]) for (name, known, _), p in zip(self.tests["source"], tested) if p[2]]
        self.tests["target"] = self.tests["target"] or self.tests["target-own"]      # no customers are shared
        self.validation, self.taken = cut(validation, 1), customers
        self.describe()

    def describe(self):
        """Popularity, vectors, columns, and the tensors of the source's items."""
        counts = np.bincount([i for p in self.known for i in p[1] + p[2]], minlength=len(self.items))
        for item, count in zip(self.items, counts):
            item["popularity"] = int(count)
            item["role"] = "source" if self.row[item["id"]] < self.sources else "target"
        own, more = [], []
        if "price" in self.items[0]:
            own = [words(field, [item[field] for item in self.items[:self.sources]]) for field in ATTRIBUTES]
            more.append(number("price", [item["price"] for item in self.items[:self.sources]], log="log"))
        elif self.features == "none":
            own = [{"input": "id", "type": "index", "lookup": {"hash": "crc32", "buckets": 1 << 15, "first_row": 1}}]
        if "cf" in self.features:
            more += [number("popularity", counts[:self.sources], log="log1p"), self.add("cf", self.factors())]
        if "content" in self.features: more.append(self.add("content", content(self.items)))
        self.columns = [*map(several, own), *more], [*own, *more]
        self.all = [tensor(column, self.items) for column in self.columns[1]]
        self.tensors, self.popularity = [values[:self.sources] for values in self.all], counts[:self.sources]
        self.bags = [torch.cat([values, torch.zeros_like(values[:1])]) for values in self.all]          # the last row: none
        self.numbers = {column["input"]: torch.tensor([float(item[column["input"]]) for item in self.items] + [0.0])
                        for column in more if column["type"] == "number"}
        self.train = self.padded([p[1] for p in self.known if len(p[1]) > 1]).numpy()

    def add(self, field, values):
        values = np.round(values / np.sqrt((values ** 2).sum(1).mean()) * np.sqrt(values.shape[1]), 3)
        for item, value in zip(self.items, values.tolist()): item[field] = value
        return vector(field, values.shape[1])

    def factors(self):
        """Items' factors of a truncated SVD of who took what, in both domains, by customers of training only."""
        pairs = np.array([(customer, item) for customer, p in enumerate(self.known) for item in p[1] + p[2]])
        table = coo_matrix((np.ones(len(pairs)), pairs.T), (len(self.known), len(self.items))).tocsr()
        each = lambda axis: 1 / np.sqrt(np.maximum(np.asarray(table.sum(axis)).ravel(), 1))
        table = table.multiply(each(1)[:, None]).multiply(each(0)[None]).tocsr()
        _, values, factors = svds(table, FACTORS, random_state=42)
        return factors.T * np.sqrt(values)

    def padded(self, lists):
        return torch.tensor([[*rows[:LONGEST]] + [len(self.items)] * (LONGEST - len(rows)) for rows in lists])

    def query(self, rows):
        """The query tower's inputs for items [customers, width]."""
        inputs, count = [], (rows < len(self.items)).sum(1)
        for column, bag in zip(self.columns[0], self.bags):
            if column["type"] == "list": inputs.append(bag[rows])
            elif column["type"] == "vector": inputs.append(bag[rows].sum(1) / count[:, None])
            else: inputs.append(scaled(column, self.numbers[column["input"]][rows].sum(1) / count))
        return inputs

    def batches(self, random):
        """Of each customer one item in turn, and some of the others that the customer took, both drawn anew.

        Where customers are few, an epoch takes each of them several times: 20 batches are the least.
        """
        times = -(-20 * BATCH // len(self.train))
        order = np.concatenate([random.permutation(len(self.train)) for _ in range(times)])
        for rows in np.array_split(order, max(1, len(order) // BATCH)):
            taken = self.train[rows]
            drawn = np.argsort(random.random(taken.shape) + (taken == len(self.items)), axis=1)
            taken = np.take_along_axis(taken, drawn, axis=1)        # shuffled, the empty places still last
            others = np.where(np.arange(10) < random.integers(1, 11, (len(rows), 1)), taken[:, 1:11], len(self.items))
            targets = torch.from_numpy(taken[:, 0])
            yield self.query(torch.from_numpy(others)), [values[targets] for values in self.tensors], targets

    def queries(self, tests):
        _, known, wanted = zip(*tests)
        return self.query(self.padded(known)), wanted, known

    def user(self, name, known):
        items = [self.items[row] for row in known]
        row = {"user_id": name, "seen": [item["id"] for item in items]}
        for column in self.columns[0]:
            values = [item[column["input"]] for item in items]
            row[column["input"]] = (values if column["type"] == "list" else np.mean(values, axis=0).round(6).tolist())
        return row


def content(items):
    """The first principal components of the text vectors of all items that have texts, made once by belfry."""
    folder = systems.cache / "cross-domain/content"
    row = {text: row for row, text in enumerate(json.loads((folder / "texts.json").read_text()))}
    return np.load(folder / "components.npy")[[row[item["text"]] for item in items]]


def embed(folder):
    """Vectors of H&M's descriptions, and of the titles, through the encoder, and their first components."""
    texts = [*(item["text"] for item in titles(*TITLES)[0])]
    for pair in PAIRS: texts += [item["text"] for item in fashion(*pair)[0]]
    texts = sorted(set(texts))
    systems.write_jsonl(folder / "texts.jsonl", ({"text": text} for text in texts))
    systems.belfry("embed", ENCODER, "--input", folder / "texts.jsonl", "--output", folder / "vectors.npy", "--threads", 2)
    vectors = np.load(folder / "vectors.npy").astype(np.float64)
    vectors -= vectors.mean(0)
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, ::-1][:, :CONTENT]
    np.save(folder / "components.npy", (vectors @ axes).astype(np.float32))
    (folder / "texts.json").write_text(json.dumps(texts))


def make(variant, folder):
    pair = Pair(*variant.split("-", 2))
    query, item = train(pair, patience=6)
    random = np.random.default_rng(43)
    fields = {"id", "title", "domain", "role", "popularity", *(column["input"] for column in pair.columns[1])}
    systems.write_jsonl(folder / "items.jsonl", ({key: item[key] for key in item if key in fields} for item in pair.items))
    users = {}
    for name, tests in pair.tests.items():
        rows = []
        for customer, known, wanted in tests:
            user = f"{customer}/{name.removeprefix('target-')}" if name == "target-own" else customer
            users.setdefault(user, (known))
            pool = np.arange(pair.sources) if name == "source" else np.arange(pair.sources, len(pair.items))
            pool = np.setdiff1d(pool, [pair.row[i] for own in pair.taken[customer] for i in own])
            drawn = random.choice(pool, min(NEGATIVES, len(pool)), replace=False)
            ids = lambda rows: [pair.items[row]["id"] for row in rows]
            rows.append({"user_id": user, "seen": ids(known), "relevant": ids(wanted),
                         "candidates": ids(random.permutation([*wanted, *drawn]))})
        systems.write_jsonl(folder / f"test-{name}.jsonl", rows)
    systems.write_jsonl(folder / "users.jsonl", (pair.user(user, known) for user, known in users.items()))
    samples = pair.queries(pair.validation)[0], pair.tensors
    systems.import_pair(folder, *((tower, {c["input"]: values[:2] for c, values in zip(columns, inputs)}, columns)
                                  for tower, columns, inputs in zip((query, item), pair.columns, samples)))


if __name__ == "__main__":
    chosen = systems.arguments(__doc__, VARIANTS)
    files = [feature_towers.__file__, *FASHION, *GAMES.values(), *TITLES.values()]
    systems.make(systems.cache / "cross-domain/content", files + [ENCODER / "tower.json"], chosen.train, embed)
    for variant in chosen.variants:
        systems.make(systems.cache / "cross-domain" / variant, files, chosen.train, lambda folder: make(variant, folder))
