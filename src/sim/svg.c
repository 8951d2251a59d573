/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SVG: elements and colours. Any thread. */
#include <stdarg.h>

#include "sim/svg.h"

static void put_escaped(FILE *f, const char *text)
{
        for (; *text; text++) {
                if (*text == '<')
                        fputs("&lt;", f);
                else if (*text == '&')
                        fputs("&amp;", f);
                else
                        fputc(*text, f);
        }
}

void svg_text(FILE *f, int x, int y, const char *class, const char *fmt, ...)
{
        char text[512];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        fprintf(f, "<text x=\"%d\" y=\"%d\" class=\"%s\">", x, y, class);
        put_escaped(f, text);
        fputs("</text>\n", f);
}

void svg_box(FILE *f, int x, int y, int w, int h, const char *class)
{
        fprintf(f, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\" class=\"%s\"/>\n",
                x, y, w, h, class);
}

void svg_arrow(FILE *f, int x1, int y1, int x2, int y2, const char *class)
{
        fprintf(f, "<path d=\"M%d %dL%d %d\" class=\"%s\" marker-end=\"url(#%s)\"/>\n", x1, y1, x2,
                y2, class, class);
}

/* Colours for light and dark pages, as plain rules: not everything that shows an SVG knows CSS
 * variables. */
static const struct {
        const char *selector, *property, *light, *dark;
} colours[] = {
        {"text", "fill", "#1f2328", "#e6edf3"},
        {".small,.tiny,.dim", "fill", "#636c76", "#8b949e"},
        {".stays", "fill", "#0969da", "#58a6ff"},
        {".good", "fill", "#1a7f37", "#3fb950"},
        {".bad", "fill", "#cf222e", "#ff7b72"},
        {".number", "fill", "#ffffff", "#0d1117"},
        {".walk-out,.tip", "fill", "#0969da", "#58a6ff"},
        {".walk-in", "fill", "#8250df", "#a371f7"},
        {".tipbad", "fill", "#cf222e", "#ff7b72"},
        {".bg", "fill", "#ffffff", "#0d1117"},
        {".box", "stroke", "#d0d7de", "#30363d"},
        {".guest", "fill", "#ddf4ff", "#0c2d4a"},
        {".iommu", "fill", "#fbefff", "#2b1d45"},
        {".nic", "fill", "#f6f8fa", "#161b22"},
        {".wire", "fill", "#dafbe1", "#0f2e1a"},
        {".irq", "fill", "#fff8c5", "#332a0a"},
        {".stop", "fill", "#ffebe9", "#3d1418"},
        {".stop", "stroke", "#cf222e", "#ff7b72"},
        {".cell", "fill", "#ffffff", "#21262d"},
        {".cell,.dot", "stroke", "#afb8c1", "#484f58"},
        {".used,.in", "fill", "#0969da", "#58a6ff"},
        {".used,.in,.flow", "stroke", "#0969da", "#58a6ff"},
        {".new", "fill", "#1a7f37", "#3fb950"},
        {".new", "stroke", "#1a7f37", "#3fb950"},
        {".gone,.lost", "stroke", "#cf222e", "#ff7b72"},
};

static const char shapes[] =
        "text{font:13px ui-sans-serif,system-ui,-apple-system,'Segoe UI',sans-serif}\n"
        ".h1{font-size:20px;font-weight:600}.h2{font-size:14px;font-weight:600}"
        ".mono{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}\n"
        ".tiny{font-size:9px;text-anchor:middle}"
        ".number{font-size:12px;font-weight:600;text-anchor:middle}\n"
        ".dot,.flow,.lost{fill:none}.flow,.lost{stroke-width:2.5}.gone{stroke-width:2}\n";

static void put_style(FILE *f)
{
        fprintf(f, "<style>\n%s", shapes);
        for (size_t i = 0; i < ELEMENTSOF(colours); i++)
                fprintf(f, "%s{%s:%s}\n", colours[i].selector, colours[i].property,
                        colours[i].light);
        fputs("@media(prefers-color-scheme:dark){\n", f);
        for (size_t i = 0; i < ELEMENTSOF(colours); i++)
                fprintf(f, "%s{%s:%s}\n", colours[i].selector, colours[i].property,
                        colours[i].dark);
        fputs("}\n</style>\n", f);
}

static const char markers[] =
        "<defs><marker id=\"flow\" viewBox=\"0 0 8 8\" refX=\"5\" refY=\"4\" markerWidth=\"4\" "
        "markerHeight=\"4\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" class=\"tip\"/></marker>"
        "<marker id=\"lost\" viewBox=\"0 0 8 8\" refX=\"5\" refY=\"4\" markerWidth=\"4\" "
        "markerHeight=\"4\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" class=\"tipbad\"/></marker>"
        "</defs>\n";

void svg_begin(FILE *f, int width, int height, const char *title)
{
        fprintf(f,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
                "height=\"%d\" role=\"img\" aria-label=\"%s\">\n",
                width, height, width, height, title);
        put_style(f);
        fputs(markers, f);
        svg_box(f, 0, 0, width, height, "bg");
}

int svg_end(FILE *f)
{
        fputs("</svg>\n", f);
        return ferror(f) ? -EIO : 0;
}
