extension MapPage {
    /// Light or dark, as the reader's system asks.
    static let style = """
        :root { color-scheme: light dark; --paper: #ffffff; --ink: #1c1c1c; --quiet: #5c5f66; --faint: #e4e4e4;
          --card: #ffffff; --line: #b8bac0; --gray: #8c8c8c; --mark: #0b57d0; }
        @media (prefers-color-scheme: dark) {
        :root { --paper: #16181c; --ink: #e8e8e8; --quiet: #a4a8b0; --faint: #2b2e34; --card: #22252b; --line: #4a4e57;
          --gray: #7d828c; --mark: #8ab4f8; }
        }
        * { box-sizing: border-box; }
        body { background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; margin: 0;
          padding: 1em 1.25em; min-height: 100vh; display: flex; flex-direction: column; }
        h1 { font-size: 1.35em; margin: 0; } header p { margin: 0.1em 0 0.8em; color: var(--quiet); }
        .tools { display: flex; flex-wrap: wrap; gap: 0.5em 1em; align-items: center; margin-bottom: 0.7em; }
        .zoom { margin-left: auto; display: flex; gap: 0.3em; }
        #found { color: var(--quiet); }
        input, button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line);
          border-radius: 6px; padding: 0.3em 0.7em; }
        input { width: min(24em, 100%); } button { cursor: pointer; }
        :focus-visible { outline: 2px solid var(--mark); outline-offset: 1px; }
        main { flex: 1; display: grid; grid-template-columns: minmax(0, 1fr) 19em; gap: 1.25em; min-height: 26em; }
        #frame { position: relative; min-height: 26em; }
        canvas { position: absolute; inset: 0; width: 100%; height: 100%; touch-action: none; cursor: grab;
          border-radius: 6px; }
        canvas.over { cursor: pointer; } canvas.held { cursor: grabbing; }
        .card { position: absolute; pointer-events: none; background: var(--card); border: 1px solid var(--line);
          border-radius: 8px; padding: 0.6em 0.8em; max-width: 22em; box-shadow: 0 2px 10px #0003; font-size: 0.9em; }
        .card[hidden] { display: none; }
        h2 { font-size: 1em; margin: 0 0 0.4em; overflow-wrap: anywhere; }
        dl { margin: 0; display: grid; grid-template-columns: auto minmax(0, 1fr); gap: 0.1em 0.8em; font-size: 0.93em; }
        dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
        .card dd { display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3; overflow: hidden; }
        aside { display: flex; flex-direction: column; gap: 1.25em; min-width: 0; }
        #legend ul { list-style: none; margin: 0; padding: 0; }
        #legend button { display: flex; width: 100%; gap: 0.6em; align-items: center; text-align: left; border: 0;
          background: none; padding: 0.2em 0.4em; }
        #legend button:hover, #pinned button:hover { background: var(--faint); }
        #legend button[aria-pressed="true"] { background: var(--faint); font-weight: 600; }
        #legend .name { flex: 1; overflow-wrap: anywhere; } #legend .count { color: var(--quiet); }
        .swatch { flex: none; width: 0.75em; height: 0.75em; border-radius: 50%; }
        .swatch.diamond { border-radius: 1px; transform: rotate(45deg); }
        .ramp { height: 0.9em; border-radius: 3px; } .ends { display: flex; justify-content: space-between; }
        #pinned:not(:empty) { border-top: 1px solid var(--line); padding-top: 1em; }
        #pinned h3 { font-size: 0.93em; margin: 1em 0 0.3em; color: var(--quiet); font-weight: 600; }
        #pinned ol { margin: 0; padding: 0; list-style: none; }
        #pinned li button { display: flex; gap: 0.8em; width: 100%; text-align: left; border: 0; background: none;
          padding: 0.2em 0.4em; font-size: 0.93em; }
        #pinned li .name { flex: 1; overflow-wrap: anywhere; } #pinned li .score { color: var(--quiet); }
        #pinned .head { display: flex; gap: 0.6em; align-items: start; } #pinned .head h2 { flex: 1; }
        #pinned .close { padding: 0 0.5em; }
        @media (max-width: 760px) { main { grid-template-columns: minmax(0, 1fr); } #frame { min-height: 60vh; } }
        """
}
