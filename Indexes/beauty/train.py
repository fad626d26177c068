"""Trains two-towers of fashion and beauty products by in-batch softmax, and makes them towers of Belfry.

`hm-…` (H&M): a customer's purchases so far find what the customer buys next; articles are attributes and a price.
`rtr-…` (Rent the Runway): body, age and occasion find gown and size.
`sephora`: nobody's purchases are known; two random halves of a product's attributes find each other.
"""
import ast, csv, gzip, re, sys
from collections import Counter
from pathlib import Path
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "common"))
import numpy as np, torch
import feature_towers, systems
from feature_towers import LONGEST, number, scaled, several, tensor, train, words

BATCH = 1024
FILES = {"hm": ["hm_fashion/articles.csv.gz", "hm_fashion/purchases.csv.gz"],
         "rtr": ["rent_the_runway/rentals.csv.gz"], "sephora": ["sephora_products/product_info.csv"]}
# How categories become numbers (`embedding`, `onehot`, or `code`: the category's number), and the units of a hidden layer.
VARIANTS = {"hm-linear": ("embedding", 0), "hm-hidden": ("embedding", 64), "hm-hidden-large": ("embedding", 256),
            "hm-onehot": ("onehot", 0), "hm-codes": ("code", 0), "hm-price-embedding": ("embedding", 0),
            "rtr-linear": ("embedding", 0), "rtr-hidden": ("embedding", 64), "sephora": ("embedding", 0)}


def table(name):
    path = systems.data / name
    with (gzip.open(path, "rt", encoding="utf-8") if name.endswith(".gz") else open(path, encoding="utf-8")) as file:
        return list(csv.DictReader(file))


# ── H&M: what was bought on the days before finds what was bought next

ATTRIBUTES = {"product_type": "product_type_name", "group": "product_group_name", "appearance": "graphical_appearance_name",
              "colour": "colour_group_name", "department": "department_name", "section": "section_name",
              "garment_group": "garment_group_name"}
VALIDATION, TEST = "2020-09-20", "2020-09-21"


class Fashion:
    def __init__(self, variant):
        articles = {row["article_id"].lstrip("0"): row for row in table(FILES["hm"][0])}
        self.days, prices = {}, {}     # customer -> [(day, article's row)], each article once; article -> prices paid
        purchases = table(FILES["hm"][1])
        ids = sorted({row["article_id"].lstrip("0") for row in purchases}, key=int)
        row_of = {article: row for row, article in enumerate(ids)}
        sold = np.zeros(len(ids), int)
        for row in purchases:
            article = row["article_id"].lstrip("0")
            prices.setdefault(article, []).append(float(row["price"]))
            sold[row_of[article]] += row["t_dat"] < VALIDATION
            self.days.setdefault(row["customer_id"], {}).setdefault(row_of[article], row["t_dat"])
        self.items = [{"id": int(i), "title": articles[i]["prod_name"], "family": articles[i]["product_code"],
                       "popularity": int(sold[row_of[i]]), "price": round(float(np.median(prices[i])), 6),
                       **{field: articles[i][name] for field, name in ATTRIBUTES.items()}} for i in ids]
        prices = [item["price"] for item in self.items]
        if variant == "hm-price-embedding":
            steps = [float(value) for value in np.unique(np.quantile(prices, np.arange(0.05, 1, 0.05)))]
            price = {"input": "price", "type": "index", "lookup": {"boundaries": steps, "first_row": 1}}
            query_price = several(price | {"field": "prices"})
        else: price = query_price = number("price", prices, log="log")
        own = [words(field, [item[field] for item in self.items]) for field in ATTRIBUTES]
        self.columns = [*map(several, own), query_price], [*own, price]
        self.tensors, self.popularity = [tensor(column, self.items) for column in self.columns[1]], sold
        self.bags = [torch.cat([values, torch.zeros_like(values[:1])]) for values in self.tensors]     # the last row: none
        self.prices = torch.tensor(prices + [0.0])
        bought = [[a for a, day in bought.items() if day < VALIDATION] for bought in self.days.values()]
        self.train = self.padded([articles for articles in bought if len(articles) > 1]).numpy()
        self.validation, self.test = self.next(VALIDATION), self.next(TEST)

    def next(self, day):
        """(customer, what was bought before the day, what on it) of those who bought before and on it."""
        found = []
        for customer, bought in self.days.items():
            before = [a for a, at in sorted(bought.items(), key=lambda pair: pair[1]) if at < day][-LONGEST:]
            on = [a for a, at in bought.items() if at == day]
            if before and on: found.append((customer, before, on))
        return found

    def padded(self, lists):
        return torch.tensor([articles[:LONGEST] + [len(self.items)] * (LONGEST - len(articles)) for articles in lists])

    def query(self, rows):
        """The query tower's inputs for articles [rows, width]."""
        inputs = [bag[rows] for bag in self.bags]
        if self.columns[0][-1]["type"] == "number":
            inputs[-1] = scaled(self.columns[0][-1], self.prices[rows].sum(1) / (rows < len(self.items)).sum(1))
        return inputs

    def batches(self, random):
        """Of each customer one article in turn, and some of the others that the customer bought, both drawn anew."""
        order = random.permutation(len(self.train))
        for start in range(0, len(order) - BATCH // 2, BATCH):
            bought = self.train[order[start:start + BATCH]]
            drawn = np.argsort(random.random(bought.shape) + (bought == len(self.items)), axis=1)
            bought = np.take_along_axis(bought, drawn, axis=1)      # shuffled, the empty places still last
            longest = random.integers(1, 11, (len(bought), 1))
            histories = np.where(np.arange(10) < longest, bought[:, 1:11], len(self.items))
            targets = torch.from_numpy(bought[:, 0])
            yield self.query(torch.from_numpy(histories)), [values[targets] for values in self.tensors], targets

    def queries(self, tests):
        """The query tower's inputs, relevant rows, and rows that are left out."""
        customers, before, on = zip(*tests)
        return self.query(self.padded(before)), on, before

    def users(self):
        for customer, before, _ in self.test:
            items = [self.items[article] for article in before]
            prices = [item["price"] for item in items]
            yield {"user_id": customer, "seen": [item["id"] for item in items], "prices": prices,
                   "price": float(np.mean(prices)), **{field: [item[field] for item in items] for field in ATTRIBUTES}}


# ── Rent the Runway: who it is and for what finds gown and size; the last tenth of the rentals is validation and test

class Rentals:
    def __init__(self, variant):
        rows = sorted(table(FILES["rtr"][0]), key=lambda row: row["review_date"])
        whole = lambda text: float(re.sub(r"[^0-9.]", "", text)) if text else None
        gowns = sorted({(int(row["item_id"]), int(row["size"])) for row in rows})
        place = {gown: row for row, gown in enumerate(gowns)}
        self.target = np.array([place[int(row["item_id"]), int(row["size"])] for row in rows])
        category = {int(row["item_id"]): row["category"] for row in rows}
        cuts = [round(len(rows) * share) for share in (0.9, 0.95)]
        self.rows, self.validation, self.test = np.split(np.arange(len(rows)), cuts)
        self.validation = self.validation[::4]
        sold = np.bincount(self.target[self.rows], minlength=len(gowns))
        self.items = [{"id": f"{item}-{size}", "title": f"{category[item]} {item}, size {size}", "family": str(item),
                       "popularity": int(sold[row]), "item": str(item), "category": category[item], "size": str(size)}
                      for row, (item, size) in enumerate(gowns)]
        self.people = []
        for number_, row in enumerate(rows):
            feet, inches = (re.findall(r"\d+", row["height"]) + [None, None])[:2]
            bust = re.match(r"(\d+)(.*)", row["bust size"])
            age = whole(row["age"])
            person = {"user_id": f"rental-{number_}", "body_type": row["body type"], "rented_for": row["rented for"],
                      "cup": bust and bust[2], "band": bust and float(bust[1]), "weight": whole(row["weight"]),
                      "height": feet and float(feet) * 12 + float(inches or 0), "age": age if age and 14 < age < 90 else None}
            self.people.append({field: value for field, value in person.items() if value not in (None, "")})
        known = [self.people[i] for i in self.rows]
        values = lambda field: [person[field] for person in known if field in person]
        self.columns = ([words(field, values(field)) for field in ("body_type", "rented_for", "cup")]
                        + [number(field, values(field)) for field in ("band", "weight", "height", "age")],
                        [words(field, [self.items[i][field] for i in self.target[self.rows]])
                         for field in ("item", "category", "size")])
        self.person = [tensor(column, self.people) for column in self.columns[0]]
        self.tensors, self.popularity = [tensor(column, self.items) for column in self.columns[1]], sold

    def batches(self, random):
        order = random.permutation(self.rows)
        for start in range(0, len(order) - BATCH // 2, BATCH):
            rows = torch.from_numpy(order[start:start + BATCH])
            targets = torch.from_numpy(self.target)[rows]
            items = [values[targets] for values in self.tensors]
            items[0] = items[0] * torch.from_numpy(random.random(len(rows)) > 0.05)     # gowns that will be new
            yield [values[rows] for values in self.person], items, targets

    def queries(self, tests):
        return [values[torch.from_numpy(tests)] for values in self.person], self.target[tests][:, None], [[]] * len(tests)

    def users(self):
        for row in self.test: yield self.people[row] | {"seen": []}


# ── Sephora: attributes only. A half of a product's attributes finds the other half

class Products:
    def __init__(self, variant):
        rows = [row for row in table(FILES["sephora"][0]) if row["tertiary_category"]]
        texts = lambda text: ast.literal_eval(text) if text.startswith("[") else []
        names = lambda text: [name for part in texts(text) for word in re.split(r"[,;:]", re.sub(r"\(.*?\)", "", part))
                              if 2 < len(name := word.strip(" .*-").lower()) < 40]
        self.items = [{"id": row["product_id"], "title": row["product_name"], "family": row["tertiary_category"],
                       "popularity": int(row["loves_count"]), "price": float(row["price_usd"]), "brand": row["brand_name"],
                       "category": row["primary_category"], "type": row["secondary_category"],
                       "ingredients": list(dict.fromkeys(names(row["ingredients"])))[:40],
                       "highlights": texts(row["highlights"])} for row in rows]
        bag = lambda field, longest, least: several(words(field, [word for word, times in Counter(
            word for item in self.items for word in item[field]).items() if times >= least])) | {"length": longest}
        own = [*(words(field, [item[field] for item in self.items]) for field in ("brand", "category", "type")),
               bag("ingredients", 40, 5), bag("highlights", 20, 1), number("price", [i["price"] for i in self.items], log="log")]
        self.columns = own, own
        self.tensors, self.popularity = [tensor(column, self.items) for column in own], np.ones(len(rows))
        random = np.random.default_rng(7).permutation(len(self.items))
        self.validation, self.test = random[:1000], random[1000:3000]

    def halves(self, rows, random):
        """Each value, and each member of a bag, goes to one of two sides; the price to both."""
        values = [column[torch.from_numpy(rows)] for column in self.tensors]
        sides = [torch.from_numpy(random.random(value.shape) < 0.5) for value in values[:-1]]
        return ([value * side for value, side in zip(values, sides)] + values[-1:],
                [value * ~side for value, side in zip(values, sides)] + values[-1:])

    def batches(self, random):
        order = random.permutation(len(self.items))
        for start in range(0, len(order) - BATCH // 2, BATCH):
            rows = order[start:start + BATCH]
            yield *self.halves(rows, random), torch.from_numpy(rows)

    def queries(self, tests):
        """Products of the same tertiary category, which no tower has seen, are relevant."""
        families = np.array([item["family"] for item in self.items])
        same = [np.setdiff1d(np.flatnonzero(families == families[row]), [row]) for row in tests]
        return [values[torch.from_numpy(tests)] for values in self.tensors], same, tests[:, None]

    def users(self):
        for row in self.test: yield self.items[row] | {"user_id": f"seen-{self.items[row]['id']}", "seen": [self.items[row]["id"]]}


SOURCES = {"hm": Fashion, "rtr": Rentals, "sephora": Products}


def make(variant, folder):
    source, (encoding, hidden) = SOURCES[variant.split("-")[0]](variant), VARIANTS[variant]
    query, item = train(source, encoding, hidden, rate=0.002 if hidden else 0.005)
    users, relevant = list(source.users()), source.queries(source.test)[1]
    systems.write_jsonl(folder / "items.jsonl", source.items)
    systems.write_jsonl(folder / "users.jsonl", users)
    systems.write_jsonl(folder / "test.jsonl", (
        {"user_id": user["user_id"], "seen": user["seen"], "relevant": [source.items[row]["id"] for row in own]}
        for user, own in zip(users, relevant) if len(own)))
    parts = [(tower, {column["input"]: values[:2] for column, values in zip(columns, inputs)}, columns) for tower, columns, inputs
             in ((query, source.columns[0], source.queries(source.test)[0]), (item, source.columns[1], source.tensors))]
    systems.import_pair(folder, *parts)


if __name__ == "__main__":
    chosen = systems.arguments(__doc__, VARIANTS)
    for variant in chosen.variants:
        files = [feature_towers.__file__, *(systems.data / name for name in FILES[variant.split("-")[0]])]
        systems.make(systems.cache / "beauty" / variant, files, chosen.train, lambda folder: make(variant, folder))
