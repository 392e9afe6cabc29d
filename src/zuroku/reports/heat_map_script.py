"""Style and script of the heat map's page: outlines, evidence as points, cards of photographs.

What is drawn where is decided in ``heat_map``. Texts of a data set reach the page as text only, never as
markup: names of photographers come from strangers.
"""

from string import Template

STYLE = """
body { margin: 0; font-size: 15px; line-height: 1.45; color: #22303c; background: #fff; }
body, .leaflet-container { font-family: system-ui, "Hiragino Sans", "Noto Sans CJK JP", "Noto Sans JP",
  "Yu Gothic", Meiryo, sans-serif; }
header { display: flex; gap: 20px; padding: 16px 20px; align-items: flex-start; }
header img { max-width: 240px; max-height: 180px; border-radius: 4px; }
h1 { font-size: 20px; margin: 0 0 4px; }
h2 { font-size: 15px; margin: 0; padding: 4px 20px; }
p { margin: 0 0 6px; }
dl { display: grid; grid-template-columns: max-content max-content auto; gap: 2px 14px; margin: 6px 0 0; }
dt { color: #5d6b78; } dd { margin: 0; } dd.share { font-variant-numeric: tabular-nums; color: #5d6b78; }
.maps { display: flex; flex-wrap: wrap; gap: 12px; padding: 0 20px; }
.maps figure { flex: 1 1 460px; margin: 0; }
.maps .frame { height: 560px; border: 1px solid #c8d0d7; border-radius: 4px; overflow: hidden; }
.maps figcaption, .photos figcaption { color: #5d6b78; font-size: 13px; padding: 3px 0; }
footer { padding: 0 20px 20px; color: #5d6b78; font-size: 13px; }
.folium-map { width: 100%; height: 100%; background: #dfe9f0; }
.answer { color: #c01f1f; font: 700 34px/34px system-ui, sans-serif; text-align: center;
  text-shadow: 0 0 4px #fff, 0 0 4px #fff; }
.leaflet-tooltip.area { background: none; border: 0; box-shadow: none; padding: 0; color: #46535f;
  font-size: 12px; text-shadow: 0 0 2px #fff, 0 0 3px #fff, 0 0 4px #fff; }
.photos { display: flex; flex-wrap: wrap; gap: 14px; padding: 6px 20px 24px; }
.photos figure { width: 150px; margin: 0; cursor: pointer; }
figure.photo img { width: 100%; height: 110px; object-fit: cover; border-radius: 4px; display: block; }
.leaflet-popup-content figure.photo { width: 220px; margin: 0; }
.leaflet-popup-content figure.photo img { height: 150px; }
.photo b { font-weight: 600; } .photo span { display: block; overflow-wrap: anywhere; }
"""

SCRIPT = """
function drawEvidence(map, heat, photos, outlines, options) {
  map.attributionControl.setPrefix("Leaflet");
  drawOutlines(map, outlines);
  if (options.radius_m !== null) {
    L.circle(options.place, {
      radius: options.radius_m, color: "#c01f1f", weight: 1.5, dashArray: "6 5", fill: false,
      interactive: false,
    }).addTo(map);
  }
  drawPhotos(map, photos);
  drawAnswer(map, options.place);
  const tiles = L.tileLayer(options.tiles, {maxZoom: 18, attribution: "© OpenStreetMap contributors"});
  const layers = {"heat": heat, "online tiles (fetched from openstreetmap.org)": tiles};
  L.control.layers({}, layers, {collapsed: false, position: "bottomright"}).addTo(map);
  map.fitBounds(options.view, {animate: false});
  drawNames(map, outlines.names, tiles);
}

function drawOutlines(map, outlines) {
  // Below the tiles, which hide them once they are asked for.
  const pane = map.createPane("outlines");
  pane.style.zIndex = 150;
  const fixed = {pane: "outlines", interactive: false};
  const land = {...fixed, style: {stroke: false, fillColor: "#faf8f2", fillOpacity: 1}};
  L.geoJSON(outlines.land, land).addTo(map);
  if (outlines.fine !== null) {
    L.rectangle(outlines.box, {...fixed, stroke: false, fillColor: "#dfe9f0", fillOpacity: 1}).addTo(map);
    L.geoJSON(outlines.fine, land).addTo(map);
  }
  const lines = {
    prefecture: {color: "#7d8b97", weight: 1.4},
    municipality: {color: "#93a1ad", weight: 1},
    town: {color: "#b4bfc8", weight: 0.8},
  };
  for (const [level, borders] of Object.entries(outlines.borders).reverse()) {
    L.geoJSON(borders, {...fixed, style: {...lines[level], fill: false}}).addTo(map);
  }
}

function drawNames(map, names, tiles) {
  // Over the heat, below cards.
  const pane = map.createPane("names");
  pane.style.zIndex = 450;
  pane.style.pointerEvents = "none";
  // Not where they have no room, nor beside those that tiles show.
  const least = map.getZoom();
  const show = () => { pane.hidden = map.getZoom() < least || map.hasLayer(tiles); };
  map.on("zoomend layeradd layerremove", show);
  for (const [latitude, longitude, name] of names) {
    const text = document.createElement("span");
    text.textContent = name;
    const options = {permanent: true, direction: "center", className: "area", pane: "names"};
    L.tooltip(options).setLatLng([latitude, longitude]).setContent(text).addTo(map);
  }
}

function drawAnswer(map, place) {
  const icon = L.divIcon({className: "answer", html: "+", iconSize: [34, 34]});
  L.marker(place, {icon: icon, zIndexOffset: 1000, keyboard: false}).bindTooltip("answer").addTo(map);
}

function photoCard(photo) {
  const card = document.createElement("figure");
  card.className = "photo";
  if (photo.picture) {
    const picture = document.createElement("img");
    picture.src = photo.picture;
    picture.alt = photo.item_id;
    card.append(picture);
  }
  const caption = document.createElement("figcaption");
  const rank = document.createElement("b");
  rank.textContent = photo.rank + ". " + photo.distance;
  caption.append(rank);
  for (const line of photo.lines) {
    const text = document.createElement("span");
    text.textContent = line;
    caption.append(text);
  }
  if (photo.source_url) {
    const link = document.createElement("a");
    link.href = photo.source_url;
    link.rel = "noreferrer noopener";
    link.textContent = "source";
    caption.append(link);
  }
  card.append(caption);
  return card;
}

function drawPhotos(map, photos) {
  // The last are drawn first: the nearest lie on top.
  photos.slice().reverse().forEach(photo => {
    const marker = L.circleMarker(photo.place, {
      radius: photo.rank <= 10 ? 6 : 4, color: "#fff", weight: 1.2,
      fillColor: photo.rank <= 10 ? "#14406b" : "#4d7ba6", fillOpacity: 0.95,
    });
    marker.bindTooltip(photo.rank + ". " + photo.distance);
    marker.bindPopup(() => photoCard(photo), {maxWidth: 240, minWidth: 220});
    marker.addTo(map);
    (photo.markers = photo.markers || []).push(marker);
  });
}

function listPhotos(photos, holder) {
  photos.forEach(photo => {
    const card = photoCard(photo);
    card.addEventListener("click", () => photo.markers.forEach(marker => marker.openPopup()));
    holder.append(card);
  });
}
"""

PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="$policy">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Where was this taken?</title>
<style>$style</style>
<script>$libraries</script>
<script>$functions</script>
</head>
<body>
<header>$query<div>$answer<dl>$heads</dl></div></header>
<div class="maps">
<figure><div class="frame">$wide</div><figcaption>All of the evidence</figcaption></figure>
<figure><div class="frame">$close</div><figcaption>Around the answer</figcaption></figure>
</div>
<h2>The most similar photographs</h2>
<div class="photos"></div>
<footer>$attribution</footer>
<script>
const outlines = $outlines;
const photos = $photos;
const pictures = $pictures;
photos.forEach((photo, index) => { photo.picture = pictures[index]; });
$maps
listPhotos(photos.slice(0, $listed), document.querySelector(".photos"));
</script>
</body>
</html>
"""
)
