// SPDX-License-Identifier: BSL-1.0
/// @file examples/audit/page_style.hpp
/// How report.html looks.
#ifndef LIMPID_EXAMPLES_AUDIT_PAGE_STYLE_HPP
#define LIMPID_EXAMPLES_AUDIT_PAGE_STYLE_HPP

namespace limpid_audit {

inline constexpr char page_style[] = R"css(
:root {
  color-scheme: light dark;
  --paper: #fbfbf9; --card: #fff; --ink: #1c2226; --soft: #5b656c; --line: #e3e5e3;
  --right: #2f7f79; --wrong: #d2622a; --bin: #b9c3c6; --notice: #fdf4e3; --notice-line: #ecd9ae;
  --right-most: .45; --wrong-most: .72;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14181b; --card: #1a1f23; --ink: #e8ebec; --soft: #9aa5ab; --line: #2c3338;
    --right: #58b3ab; --wrong: #e9834b; --bin: #4c575d; --notice: #29241a; --notice-line: #4b402a;
    --right-most: .45; --wrong-most: .58;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink); font-size: 16px; line-height: 1.55;
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
main { max-width: 56rem; margin: 0 auto; padding: 3.5rem 1.5rem 3rem; }
header { padding-bottom: 1rem; }
p { margin: 0; }
.eyebrow { color: var(--soft); letter-spacing: .08em; text-transform: uppercase; font-size: .8rem; }
.number { font-size: clamp(4rem, 16vw, 7rem); font-weight: 300; line-height: 1.1; letter-spacing: -.03em; margin-left: -.04em; }
.number small { font-size: .45em; letter-spacing: 0; color: var(--soft); }
h1 { font-size: 1.6rem; font-weight: 500; line-height: 1.25; margin: 0 0 .5rem; }
h2 { font-size: 1.2rem; font-weight: 600; line-height: 1.3; margin: 0 0 .4rem; }
h3 { font-size: 1rem; font-weight: 600; margin: 2rem 0 .5rem; }
section { border-top: 1px solid var(--line); padding: 2.25rem 0; }
.lead { color: var(--soft); max-width: 42rem; }
.note, figcaption, footer { color: var(--soft); font-size: .875rem; }
.note { margin-top: .75rem; max-width: 42rem; }
.big { font-size: 1.35rem; line-height: 1.35; margin-bottom: .25rem; }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; }
.facts { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1rem 1.5rem; margin: 2rem 0 0; }
.facts dt { color: var(--soft); font-size: .875rem; }
.facts dd { margin: 0; font-size: 1.4rem; }
.notice { background: var(--notice); border: 1px solid var(--notice-line); border-radius: 10px; padding: 1.25rem 1.5rem; margin: 1rem 0 2.25rem; }
.notice + section { border-top: 0; padding-top: 0; }
.notice ul { margin: 0; padding-left: 1.1rem; }
.notice li + li { margin-top: .35rem; }
figure { margin: 1.5rem 0 0; }
figcaption { margin-top: .6rem; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
svg text { fill: var(--ink); }
svg .axis, svg .tick { fill: var(--soft); font-size: 15px; }
.heat .class { font-size: 17px; font-weight: 600; }
.heat .share { font-size: 19px; }
.heat .range { font-size: 12px; }
.heat.many .class, .heat.many .share { font-size: 24px; font-weight: 400; }
.heat.many .axis, .heat.some .axis { font-size: 24px; }
.heat.some .class, .heat.some .share { font-size: 21px; font-weight: 400; }
.heat rect { stroke: var(--line); stroke-width: 1; }
.heat .right { fill: var(--right); fill-opacity: calc(var(--v) * var(--right-most)); }
.heat .wrong { fill: var(--wrong); fill-opacity: calc(var(--v) * var(--wrong-most)); }
.names span { display: inline-block; margin-right: 1rem; }
.names b { font-weight: 600; color: var(--ink); }
.word { overflow-wrap: break-word; }
.losses { max-width: 45rem; }
.bin { fill: var(--bin); }
.base { stroke: var(--soft); stroke-width: 1; }
path.part0, path.part1 { fill: none; stroke-width: 3; stroke-linejoin: round; }
path.part0 { stroke: var(--right); }
path.part1 { stroke: var(--wrong); }
.key { display: inline-block; width: .9em; height: .2em; border-radius: 1px; vertical-align: .25em; margin-right: .4em; }
.key.part0 { background: var(--right); }
.key.part1 { background: var(--wrong); margin-left: .8em; }
table { border-collapse: collapse; width: 100%; margin-top: 1rem; }
h3 + table { margin-top: 0; max-width: 40rem; }
th, td { padding: .4rem 0 .4rem 1.25rem; text-align: right; vertical-align: baseline; }
th:first-child, td:first-child { padding-left: 0; }
th { color: var(--soft); font-weight: 400; font-size: .875rem; border-bottom: 1px solid var(--line); }
td { border-bottom: 1px solid var(--line); }
tbody tr:last-child td { border-bottom: 0; }
.word, .plain td:first-child, .plain th:first-child { text-align: left; }
.soft, .plain td p { color: var(--soft); }
.plain td p { font-size: .875rem; max-width: 36rem; }
.plain td:first-child { padding-right: .5rem; }
th, .plain td { overflow-wrap: normal; }
th { white-space: nowrap; }
td:not(.word) { white-space: nowrap; overflow-wrap: normal; }
.plain td:first-child { white-space: normal; }
.bars .chart { width: 42%; }
.bars .chart { padding-left: 2rem; }
.bars th.chart span:first-child { float: left; }
.bars svg { height: 14px; overflow: visible; }
.bars line { vector-effect: non-scaling-stroke; }
.track { stroke: var(--line); stroke-width: 1; }
.whisker { stroke: var(--wrong); stroke-opacity: .5; stroke-width: 4; }
.dot { stroke: var(--wrong); stroke-width: 10; stroke-linecap: round; }
.scroll { max-height: 30rem; overflow-y: auto; border: 1px solid var(--line); border-radius: 10px; background: var(--card); padding: 0 1.25rem; margin-top: 1rem; max-width: 40rem; }
.scroll table { margin-top: 0; }
.scroll th { position: sticky; top: 0; background: var(--card); padding-top: .7rem; box-shadow: inset 0 -1px var(--line); border-bottom: 0; }
footer { border-top: 1px solid var(--line); padding-top: 1.25rem; }
@media (max-width: 40rem) {
  main { padding: 2rem 1.25rem 2rem; }
  h1 { font-size: 1.35rem; }
  .facts { grid-template-columns: 1fr 1fr; }
  section { padding: 1.75rem 0; }
  .notice { padding: 1rem 1.15rem; margin-bottom: 1.75rem; }
  th, td { padding-left: .8rem; }
  table { font-size: .9375rem; }
  .heat:not(.tiny) .range, .heat.some .axis, .heat.many .axis { display: none; }
  .heat:not(.tiny) .share { font-size: 25px; transform: translateY(6px); }
  .heat.few .class { font-size: 25px; }
  .heat.few .axis { font-size: 25px; }
  .heat.some .share, .heat.many .share { display: none; }
  .heat.some .class { font-size: 30px; }
  .heat.many .class { font-size: 40px; }
  svg .tick { font-size: 26px; }
  .bars .chart { width: 30%; padding-left: 1.1rem; }
  td.soft { white-space: normal; }
  .scroll { padding: 0 .9rem; }
}
@media print { .scroll { max-height: none; border: 0; padding: 0; } section { break-inside: avoid; } }
)css";

}  // namespace limpid_audit

#endif  // LIMPID_EXAMPLES_AUDIT_PAGE_STYLE_HPP
