"""Two-towers over feature columns: what a column makes of rows, the towers, and their training by in-batch softmax."""
import zlib
import numpy as np, torch
from torch import nn
from torch.nn import functional as F
import systems

SIZE, LONGEST = 32, 20          # of a vector and of each embedding; of a bag
MOST_EPOCHS = 40


# ── Columns: what Belfry reads from a row, and the same for training

def words(field, values, **more):
    """A category: row 0 stands for one that is missing or unknown."""
    lookup = {"vocabulary": sorted(set(values) - {""}), "first_row": 1, "unknown": 0}
    return {"input": field, "type": "index", "lookup": lookup, "missing": 0} | more


def several(column):
    """The same category of several things: a bag of rows, 0 where there is none."""
    column = {name: value for name, value in column.items() if name != "missing"}
    return column | {"type": "list", "length": LONGEST, "fixed": True, "keeps": "last", "default": []}


LOGARITHMS = {None: lambda values: values, "log": np.log, "log1p": np.log1p}


def number(field, values, **more):
    """A number with mean 0 and deviation 1 over `values`; the median stands for one that is missing."""
    values = np.array([value for value in values if value is not None], float)
    scaled = LOGARITHMS[more.get("log")](values)
    return {"input": field, "type": "number", "mean": float(scaled.mean()), "std": float(scaled.std()),
            "default": float(np.median(values))} | more


def scaled(column, values):
    values = LOGARITHMS[column.get("log")](np.asarray(values, np.float64))
    return torch.from_numpy((values - column["mean"]) / column["std"]).float()


def vector(field, length): return {"input": field, "type": "vector", "length": length, "default": [0.0] * length}


def tensor(column, rows):
    """What the column makes of rows, as Belfry does at serving."""
    values, lookup = [row.get(column["input"]) for row in rows], column.get("lookup", {})
    if column["type"] == "number":
        return scaled(column, [column["default"] if value is None else value for value in values])
    if column["type"] == "vector": return torch.tensor([value or column["default"] for value in values])
    if "vocabulary" in lookup:
        places = {word: row for row, word in enumerate(lookup["vocabulary"], 1)}
        place = lambda value: places.get(value, 0)
    elif "buckets" in lookup:
        place = lambda value: 1 + zlib.crc32(str(value).encode()) % lookup["buckets"]
    else:
        place = lambda value: 1 + int(np.searchsorted(lookup["boundaries"], value, side="right"))
    if column["type"] == "index": return torch.tensor([0 if value is None else place(value) for value in values])
    bags = [[place(value) for value in (bag or [])][-column["length"]:] for bag in values]
    return torch.tensor([bag + [0] * (column["length"] - len(bag)) for bag in bags])


class Tower(nn.Module):
    """Categories, numbers and vectors side by side, then one linear layer, or a hidden one with ReLU before it."""
    def __init__(self, columns, encoding, hidden):
        super().__init__()
        self.tables, width = nn.ModuleList(), 0
        for column in columns:
            if column["type"] in ("number", "vector"):
                self.tables.append(nn.Identity())
                width += column.get("length", 1)
                continue
            lookup = column["lookup"]
            rows = 1 + (lookup.get("buckets") or len(lookup.get("vocabulary") or [0] + lookup["boundaries"]))
            if encoding == "embedding": self.tables.append(nn.Embedding(rows, SIZE, padding_idx=0))
            else:
                weights = torch.eye(rows) if encoding == "onehot" else torch.arange(rows).float()[:, None] / rows
                self.tables.append(nn.Embedding.from_pretrained(weights, freeze=True, padding_idx=0))
            width += self.tables[-1].embedding_dim
        self.mix = nn.Linear(width, SIZE) if not hidden else nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, SIZE))

    def forward(self, *inputs):
        parts = []
        for table, value in zip(self.tables, inputs):
            part = table(value if value.dim() > 1 or not isinstance(table, nn.Identity) else value.unsqueeze(1))
            if part.dim() == 3:         # the mean over a bag
                known = (value != 0).to(part.dtype).unsqueeze(-1)
                part = (part * known).sum(1) / known.sum(1).clamp(min=1.0)
            parts.append(part)
        return F.normalize(self.mix(torch.cat(parts, 1)), dim=1)


# ── Training

@torch.no_grad()
def ranks(query, item, source, tests):
    """For each test, the places (from 0) of what is relevant in the whole catalogue without what is left out."""
    inputs, relevant, left_out = source.queries(tests)
    items, found = item.eval()(*source.tensors), []
    for start, scores in ((start, chunk) for start in range(0, len(relevant), 512) for chunk in
                          [query.eval()(*(values[start:start + 512] for values in inputs)) @ items.T]):
        for row, score in enumerate(scores.numpy(), start):
            score[list(left_out[row])] = -np.inf
            place = np.empty(len(score), int)
            place[np.argsort(-score)] = np.arange(len(score))
            found.append(np.sort([place[answer] for answer in relevant[row] if score[answer] > -np.inf]))
    return found


def gain(found):
    """1 / log2(1 + place), as in nDCG: of everything relevant and at any depth, so that small differences show."""
    return float(np.mean([np.mean(1 / np.log2(2 + own)) if len(own) else 0 for own in found]))


def train(source, encoding="embedding", hidden=0, seed=42, rate=0.005, temperature=0.05, log_q=1.0, patience=3, report=print):
    """Both towers as they were at the epoch with the best gain of the validation's queries.

    Scores are less the logarithm of how often the item was drawn (times `log_q`), which corrects the in-batch softmax.
    """
    random = systems.seeded(seed)
    query = Tower(source.columns[0], encoding, hidden)
    item = query if source.columns[0] is source.columns[1] else Tower(source.columns[1], encoding, hidden)
    both = nn.ModuleList([query, item])
    optimizer = torch.optim.Adam([p for p in both.parameters() if p.requires_grad], rate)
    log_share = torch.from_numpy(source.popularity.clip(1) / source.popularity.sum()).log().float()
    best, best_epoch, kept = -1.0, 0, None
    for epoch in range(1, MOST_EPOCHS + 1):
        for query_inputs, item_inputs, targets in source.batches(random):
            scores = query.train()(*query_inputs) @ item.train()(*item_inputs).T / temperature - log_q * log_share[targets]
            same = (targets[None] == targets[:, None]) & ~torch.eye(len(targets), dtype=torch.bool)
            loss = F.cross_entropy(scores.masked_fill(same, -torch.inf), torch.arange(len(targets)))
            optimizer.zero_grad(), loss.backward(), optimizer.step()
        reached = gain(ranks(query, item, source, source.validation))
        if reached > best:
            best, best_epoch, kept = reached, epoch, {name: value.clone() for name, value in both.state_dict().items()}
        if epoch >= best_epoch + patience: break
    both.load_state_dict(kept)
    report(f"best of {epoch} epochs: {best_epoch}, gain of validation {best:.4f}")
    return query, item
