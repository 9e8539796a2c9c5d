"""The page at ``/`` that says how to use the server."""

from __future__ import annotations

import html

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>chromview</title>
<style>body {{ font-family: sans-serif; max-width: 46em; margin: 2em auto; line-height: 1.4 }}
pre {{ background: #eee; padding: .6em; overflow-x: auto }} td {{ padding-right: 1em; vertical-align: top }}</style>
</head><body>
<h1>chromview {version}</h1>
<p>For research use. What is answered is a proposal until a person has looked at it. Nothing that is sent is kept.</p>
<p>Send an image (PNG, JPEG, BMP or TIFF) as the body, or as the file of a form:</p>
<pre>curl --data-binary @chromosome.png {address}/classify
curl --data-binary @metaphase.tif  "{address}/analyse?stain=g-band"
curl -F image=@metaphase.tif       {address}/karyogram -o karyogram.png</pre>
<table>
<tr><td><code>POST /classify</code></td><td>an image of one chromosome: class, polarity, 24 probabilities</td></tr>
<tr><td><code>POST /analyse</code></td><td>a metaphase or cluster: summary, <code>karyotype</code> (the rows of
karyotype.csv) and <code>annotations</code> (COCO); with <code>?karyogram=yes</code> also
<code>karyogram_png</code>, base64</td></tr>
<tr><td><code>POST /karyogram</code></td><td>a metaphase or cluster: the karyogram as PNG</td></tr>
<tr><td><code>GET /health</code></td><td>whether the server works, and how many requests it has</td></tr>
</table>
<p><code>?stain=</code> is <code>auto</code> (default), <code>g-band</code>, <code>q-band</code> or <code>dapi</code>.
A problem is answered as JSON: <code>error</code>, a sentence, and <code>advice</code>. At most {megabytes} MB and
{seconds} seconds for one request; one is at work at a time, {waiting} may wait, further ones get status 503.</p>
<form method="post" enctype="multipart/form-data" action="karyogram">
<p>Karyogram of <input type="file" name="image"> <button>Analyse</button></p></form>
</body></html>
"""


def page(*, version: str, address: str, max_bytes: int, seconds: float, waiting: int) -> str:
    """The page as HTML, for a server at `address` with these limits."""
    return _PAGE.format(
        version=html.escape(version),
        address=html.escape(address),
        megabytes=f"{max_bytes / 1e6:g}",
        seconds=f"{seconds:g}",
        waiting=waiting,
    )
