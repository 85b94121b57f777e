// The style sheet of every page. The pages' CSP allows it by its hash, and allows no other style, no script and no image.
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f6f7f9, #101215); --card: light-dark(#fff, #181b20); --line: light-dark(#dfe3e8, #2c3138);
  --text: light-dark(#16191d, #e8eaed); --soft: light-dark(#59616c, #a1a9b4);
  --accent: light-dark(#2b59c3, #8fb0ff); --on-accent: light-dark(#fff, #0d1526);
  --warn: light-dark(#7a4b00, #f3c77a); --warn-ground: light-dark(#fff6e3, #2b2314);
  --bad: light-dark(#a4262c, #ff9a9f); --bad-ground: light-dark(#fdf0f0, #301a1c);
}
* { box-sizing: border-box; }
body { margin: 0; padding: 6vh 1rem 3rem; background: var(--ground); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 30rem; margin: 0 auto; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 16px; }
main.wide { max-width: 44rem; }
@media (max-width: 30rem) { body { padding-top: 1rem; } main { padding: 1.5rem 1.25rem; } }
.brand { display: flex; align-items: center; gap: .5rem; margin: 0 0 1.5rem; color: var(--soft); font-size: .875rem; }
.brand::before { content: ""; width: .75rem; height: .75rem; border-radius: 4px; background: var(--accent); }
h1 { margin: 0 0 .5rem; font-size: 1.5rem; line-height: 1.25; letter-spacing: -.01em; overflow-wrap: anywhere; }
h2 { margin: 2.25rem 0 .5rem; font-size: 1.0625rem; }
p { margin: .5rem 0 1rem; overflow-wrap: anywhere; }
a { color: var(--accent); }
.name { padding: 0 .3em; border-radius: 6px; background: var(--ground); box-shadow: inset 0 0 0 1px var(--line); -webkit-box-decoration-break: clone; box-decoration-break: clone; unicode-bidi: isolate; }
.soft { color: var(--soft); }
.small { font-size: .875rem; }
code { font: .9em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
dl { margin: 1.25rem 0; border-top: 1px solid var(--line); }
dl div { display: flex; flex-wrap: wrap; gap: 0 1.25rem; padding: .625rem 0; border-bottom: 1px solid var(--line); }
dt { flex: 0 0 8rem; color: var(--soft); }
dd { flex: 1 1 14rem; margin: 0; overflow-wrap: anywhere; }
.note { margin: 1rem 0; padding: .75rem 1rem; border-radius: 10px; background: var(--warn-ground); color: var(--warn); }
.bad { background: var(--bad-ground); color: var(--bad); }
label { display: block; }
label.field { margin: 1.25rem 0 .375rem; font-weight: 600; }
input[type=password] { width: 100%; padding: .6875rem .875rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: 10px; }
fieldset { margin: 1.25rem 0; padding: 0; border: 1px solid var(--line); border-radius: 10px; }
legend { padding: 0; margin-bottom: .375rem; font-weight: 600; }
fieldset label { display: flex; gap: .75rem; padding: .75rem 1rem; }
fieldset label + label { border-top: 1px solid var(--line); }
input[type=checkbox] { flex: none; width: 1.125rem; height: 1.125rem; margin: .2rem 0 0; accent-color: var(--accent); }
.actions { display: flex; gap: .75rem; margin: 1.5rem 0; }
main > :last-child, form:last-child > :last-child { margin-bottom: 0; }
button { flex: 1; padding: .6875rem 1.25rem; font: inherit; font-weight: 600; color: var(--text); background: transparent; border: 1px solid var(--line); border-radius: 10px; cursor: pointer; }
button.main { color: var(--on-accent); background: var(--accent); border-color: transparent; }
button.plain { flex: none; padding: .3125rem .75rem; font-size: .875rem; font-weight: 500; }
button:hover { filter: brightness(1.08); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.list { margin: 0; padding: 0; list-style: none; border-top: 1px solid var(--line); }
.list li { display: flex; align-items: center; justify-content: space-between; gap: 1rem; padding: .75rem 0; border-bottom: 1px solid var(--line); }
.list div { min-width: 0; overflow-wrap: anywhere; }
.code { margin: 1.5rem 0; padding: 1rem; text-align: center; font: 600 1.75rem/1.2 ui-monospace, monospace; letter-spacing: .12em; background: var(--ground); border-radius: 10px; }
.foot { display: flex; justify-content: space-between; align-items: center; gap: 1rem; margin-top: 2rem; }
`
