"""Synthetic sessions over real films, tracks and books: nobody saw, heard and read them in this order.

1. A shelf is a theme and an era (before 2000, since 2000). A film stands on the first theme below that has one of its
   genres, in the era of its year. The books have no genres: a book stands on the first theme that has a word of its
   title, in the era of its first publication. A track stands on the shelf that its playlist's subgenre is given to, the
   theme's first subgenre to the era before 2000, whatever the track's year.
2. Of each domain a shelf keeps the SHELF best known items: films by critics' reviews, tracks by Spotify's popularity,
   books by the number of ratings. So there are 11 themes × 2 eras × 3 × SHELF items.
3. A session visits one shelf, drawn evenly: 20 to 24 of its items in random order, none twice. Each of them is replaced
   by any item at all, drawn evenly, with the probability NOISE.

The rule decides the figures: they say whether a model finds the rule again, nothing about people.
"""
import csv, re, sqlite3
import systems

SHELF, NOISE, SESSIONS, LEAST, MOST = 8, 0.1, 3000, 20, 24
MOVIES = systems.data / "omdb_movies_bokeh/movies.db"
MUSIC = systems.data / "spotify_songs/spotify_songs.csv"
BOOKS = systems.data / "goodbooks_10k/books.csv"

# theme: film genres, track subgenres (before 2000, since 2000), words of book titles
THEMES = {
    "space": ("Sci-Fi", "electro house, progressive electro house",
              "star stars space galaxy universe mars moon planet robot alien future dune foundation"),
    "magic": ("Fantasy", "album rock, permanent wave",
              "magic dragon dragons wizard witch sword sorcerer throne king prince elf discworld enchanted unicorn"),
    "horror": ("Horror", "hard rock, big room",
               "vampire vampires dead ghost demon evil hell haunted monster zombie frankenstein dracula"),
    "war": ("War", "southern hip hop, hip hop", "war wars battle soldier army enemy weapon peace empire"),
    "mystery": ("Mystery", "new jack swing, urban contemporary",
                "murder mystery detective poirot holmes clue clues case secret"),
    "crime": ("Crime", "gangster rap, trap", "crime killer kill prey bosch reacher cross thief mafia godfather"),
    "family": ("Family, Animation", "post-teen pop, indie poptimism",
               "children dog cat bear mouse boy charlotte little christmas family school"),
    "adventure": ("Adventure", "tropical, reggaeton",
                  "sea island river journey treasure wild mountain adventures road voyage"),
    "history": ("History, Biography", "classic rock, hip pop",
                "history life memoir century biography american lincoln king"),
    "love": ("Romance", "neo soul, latin pop", "love heart kiss lover bride wedding romance marriage beautiful"),
    "comedy": ("Comedy", "dance pop, electropop", "funny diary club confessions shopaholic hitchhiker pants laughing"),
}


def shelves():
    """(items, shelves): items are rows of id, title and domain; a shelf is a list of indices of items."""
    found = {}                                                      # (theme, era, domain): [(known, id, title)]
    put = lambda theme, year, domain, *rest: found.setdefault((theme, year >= 2000, domain), []).append(rest)
    with sqlite3.connect(f"file:{MOVIES}?mode=ro&immutable=1", uri=True) as database:
        for name, title, year, genres, reviews in database.execute(
                "select imdbID, Title, Year, Genre, Reviews from omdb left join tomatoes using (ID) "
                "where Year is not null and Reviews is not null group by imdbID"):
            own = set((genres or "").split(", "))
            theme = next((theme for theme, (film, _, _) in THEMES.items() if own & set(film.split(", "))), None)
            if theme: put(theme, year, "Movie", reviews, f"Movie_{name}", title)
    with open(MUSIC, encoding="utf-8") as file:
        shelf = {name: (theme, year) for theme, (_, tracks, _) in THEMES.items()
                 for name, year in zip(tracks.split(", "), (1999, 2000))}
        known, titles = set(), set()
        for row in csv.DictReader(file):
            title = f"{row['track_artist']}: {row['track_name']}"
            if row["playlist_subgenre"] in shelf and row["track_id"] not in known and title not in titles:
                known.add(row["track_id"]), titles.add(title)
                put(*shelf[row["playlist_subgenre"]], "Music", float(row["track_popularity"]),
                    f"Music_{row['track_id']}", title)
    with open(BOOKS, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            words = set(re.findall("[a-z]+", row["title"].lower()))
            theme = next((theme for theme, (_, _, book) in THEMES.items() if words & set(book.split())), None)
            if theme and row["original_publication_year"]:
                put(theme, float(row["original_publication_year"]), "Book", int(row["ratings_count"]),
                    f"Book_{row['book_id']}", f"{row['authors']}: {row['title']}")
    items, made = [], []
    for theme in THEMES:
        for era in (False, True):
            shelf = []
            for domain in ("Movie", "Music", "Book"):
                best = sorted(found[theme, era, domain], key=lambda entry: (-entry[0], entry[1]))[:SHELF]
                assert len(best) == SHELF, (theme, era, domain, len(best))
                shelf += range(len(items), len(items) + SHELF)
                items += [{"id": name, "title": title, "domain": domain, "theme": theme} for _, name, title in best]
            made.append(shelf)
    return items, made


def sessions(random):
    """(items, sessions): a session is a list of indices of items."""
    items, made = shelves()
    walks = []
    for _ in range(SESSIONS):
        walk = random.permutation(made[random.integers(len(made))])[:random.integers(LEAST, MOST + 1)]
        noise = random.random(len(walk)) < NOISE
        walk[noise] = random.integers(len(items), size=noise.sum())
        walks.append(list(dict.fromkeys(walk.tolist())))
    return items, walks
