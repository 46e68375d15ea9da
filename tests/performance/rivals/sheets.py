# The same sheets by ReportLab, as somebody writes them who knows it: what repeats is a form, the fonts are the
# reader's own. Timed without starting Python and loading the library.
import json, resource, sys, time
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

codes = open(sys.argv[1]).read().split()
target, logo = sys.argv[2], sys.argv[3]
width, height, left, bottom = 269.29, 119.06, 28.35, 39.69


def place(slot):
    return left + slot % 2 * width, bottom + (5 - slot // 2) * height


started = time.process_time()
pages = (len(codes) + 11) // 12
canvas = Canvas(target, pagesize=A4, pageCompression=1)

canvas.beginForm("sheet", 0, 0, *A4)
for column in range(3):
    x = left + column * width
    canvas.line(x, bottom - 14, x, bottom - 3)
    canvas.line(x, bottom + 6 * height + 3, x, bottom + 6 * height + 14)
for row in range(7):
    y = bottom + row * height
    canvas.line(left - 14, y, left - 3, y)
    canvas.line(left + 2 * width + 3, y, left + 2 * width + 14, y)
canvas.drawImage(logo, left, 789, width=99, height=33, mask="auto")
canvas.setFont("Helvetica-Bold", 11)
canvas.drawString(left, 772, "Batch 12")
canvas.setFont("Helvetica", 8)
canvas.drawString(left + 80, 772, "BATCH_CHRISTMAS_KIGALI")
canvas.drawRightString(566, 772, "Generated 20/11/2026")
for line, text in enumerate(["KG 11 Avenue 42, Kigali", "+250 788 000 100", "www.example.rw"]):
    canvas.drawRightString(566, 814 - 9 * line, text)
canvas.endForm()

canvas.beginForm("card", 0, 0, width, height)
canvas.setFillGray(0.93)
canvas.roundRect(8, 17.5, width - 16, 27.5, 4, stroke=0, fill=1)
canvas.setFillGray(0.08)
canvas.drawImage(logo, 171, 77, width=84, height=28, mask="auto")
canvas.setFont("Helvetica-Bold", 10)
canvas.drawString(14, 101, "MBELYCO")
canvas.setFont("Helvetica-Bold", 28)
canvas.drawString(13, 75, "5,000 RWF")
canvas.setFont("Helvetica", 8)
canvas.drawString(14, 60, "Dial *801# and type this code")
canvas.drawRightString(255, 7, "Valid until 31/12/2026")
canvas.endForm()

for page in range(pages):
    canvas.doForm("sheet")
    for slot, code in enumerate(codes[12 * page : 12 * page + 12]):
        x, y = place(slot)
        canvas.saveState()
        canvas.translate(x, y)
        canvas.doForm("card")
        canvas.setFont("Courier-Bold", 20)
        canvas.drawString(20, 25, code)
        canvas.setFont("Helvetica", 6)
        canvas.drawString(14, 7, f"Batch 12 · Sheet {page + 1} · Slot {slot + 1}")
        canvas.restoreState()
    canvas.setFont("Helvetica", 7)
    canvas.drawRightString(566, 18, f"Page {page + 1} of {pages}")
    canvas.showPage()
canvas.save()
seconds = time.process_time() - started
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"seconds": seconds, "peak": peak}))
