// Draws the charts and shows times in the zone that the reader chose. Nothing here asks another machine.
const FORMATS = {
  time: { hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  minute: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" },
  day: { weekday: "short", day: "numeric", month: "short" },
};
const select = document.getElementById("zone");
const specs = JSON.parse(document.getElementById("specs").textContent);
const charts = [...document.querySelectorAll(".chart")];
const views = new Map();
let formats = {};
let drawing = 0;

// A report day is a date in no zone; everything else is an instant.
function zoned(value, format) {
  const isDay = typeof value === "string" && value.length === 10;
  return isDay
    ? new Intl.DateTimeFormat("en-GB", { ...FORMATS[format], timeZone: "UTC" }).format(new Date(value))
    : formats[format].format(new Date(value));
}

async function draw(element) {
  const options = { renderer: "svg", actions: false, defaultStyle: false, expressionFunctions: { zoned } };
  const { view } = await vegaEmbed(element, structuredClone(specs[element.dataset.spec]), options);
  views.get(element)?.finalize();
  views.set(element, view);
  // The element around it says what is to be seen, and the table has the numbers.
  element.querySelector("svg").setAttribute("aria-hidden", "true");
}

async function show(zone) {
  const mine = ++drawing;
  formats = Object.fromEntries(
    Object.entries(FORMATS).map(([name, format]) => [name, new Intl.DateTimeFormat("en-GB", { ...format, timeZone: zone })]),
  );
  for (const time of document.querySelectorAll("time")) time.textContent = zoned(time.dateTime, "minute");
  for (const place of document.querySelectorAll("[data-zone]")) place.textContent = zone;
  for (const element of charts) {
    if (mine !== drawing) return;
    await draw(element);
  }
  document.documentElement.dataset.drawn = zone;
}

// A chart is as wide as the window; a sheet of paper is narrower.
window.addEventListener("beforeprint", () => views.forEach((view) => view.width(640).run()));
window.addEventListener("afterprint", () => window.dispatchEvent(new Event("resize")));

const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
const browser = select.querySelector("[data-browser]");
browser.value = own;
browser.textContent = `${own}, this browser's`;
browser.disabled = false;
select.addEventListener("change", () => show(select.value));
show(select.value);
