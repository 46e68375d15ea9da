// The same sheets by pdfkit, which has no forms: it draws what repeats on every page, but for the cards' own logos,
// which are left out here. Written as it goes, and timed without starting Node and loading the library.
const fs = require("fs");
const PDFDocument = require("pdfkit");
const codes = fs.readFileSync(process.argv[1], "utf8").trim().split("\n");
const [target, logo] = [process.argv[2], process.argv[3]];
const [width, height, left, top] = [269.29, 119.06, 28.35, 87.84];
const pages = Math.ceil(codes.length / 12);
const started = process.cpuUsage();
const paper = new PDFDocument({ size: "A4", margin: 0, autoFirstPage: false, bufferPages: false });
const file = paper.pipe(fs.createWriteStream(target));
const say = (font, size, text, x, y) => paper.font(font).fontSize(size).text(text, x, y, { lineBreak: false });

function draw(page) {
  paper.addPage();
  for (let column = 0; column < 3; column++) {
    const x = left + column * width;
    paper.moveTo(x, top - 14).lineTo(x, top - 3);
    paper.moveTo(x, top + 6 * height + 3).lineTo(x, top + 6 * height + 14);
  }
  for (let row = 0; row < 7; row++) {
    const y = top + row * height;
    paper.moveTo(left - 14, y).lineTo(left - 3, y);
    paper.moveTo(left + 2 * width + 3, y).lineTo(left + 2 * width + 14, y);
  }
  paper.lineWidth(0.4).stroke();
  paper.image(logo, left, 20, { width: 99, height: 33 });
  say("Helvetica-Bold", 11, "Batch 12", left, 60);
  say("Helvetica", 8, "BATCH_CHRISTMAS_KIGALI", left + 80, 62);
  say("Helvetica", 8, "Generated 20/11/2026", 480, 62);
  ["KG 11 Avenue 42, Kigali", "+250 788 000 100", "www.example.rw"].forEach((text, line) =>
    say("Helvetica", 8, text, 470, 20 + 9 * line));
  codes.slice(12 * page, 12 * page + 12).forEach((code, slot) => {
    const [x, y] = [left + (slot % 2) * width, top + Math.floor(slot / 2) * height];
    paper.roundedRect(x + 8, y + 74, width - 16, 27.5, 4).fill("#eeeeee");
    paper.fillColor("#141414");
    say("Helvetica-Bold", 10, "MBELYCO", x + 14, y + 10);
    say("Helvetica-Bold", 28, "5,000 RWF", x + 13, y + 20);
    say("Helvetica", 8, "Dial *801# and type this code", x + 14, y + 52);
    say("Helvetica", 8, "Valid until 31/12/2026", x + 170, y + 106);
    say("Courier-Bold", 20, code, x + 20, y + 80);
    say("Helvetica", 6, `Batch 12 · Sheet ${page + 1} · Slot ${slot + 1}`, x + 14, y + 107);
  });
  say("Helvetica", 7, `Page ${page + 1} of ${pages}`, 500, 818);
}

// A turn of the event loop after some pages, so that what is finished reaches the file.
let next = 0;
function some() {
  for (const end = Math.min(next + 50, pages); next < end; next++) draw(next);
  if (next < pages) setImmediate(some);
  else paper.end();
}
file.on("finish", () => {
  const { user, system } = process.cpuUsage(started);
  const peak = process.resourceUsage().maxRSS / 1024;
  console.log(JSON.stringify({ seconds: (user + system) / 1e6, peak }));
});
some();
