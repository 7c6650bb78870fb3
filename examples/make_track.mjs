// Ask a running service for a track and save it: node examples/make_track.mjs "slow waltz" 30
// Needs Node.js 18 or newer, and nothing besides.

import { writeFile } from "node:fs/promises";

const [prompt = "relaxing piano melody for meditation", duration = "30", base = "http://localhost:8000"] =
  process.argv.slice(2);

async function answerTo(path, options) {
  const response = await fetch(base + path, options);
  if (!response.ok) {
    console.error(`${response.status}: ${await response.text()}`);
    process.exit(1);
  }
  return response.json();
}

const track = await answerTo("/music/generate", {
  method: "POST",
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ prompt, duration: Number(duration) }),
});

let status = track;
while (status.status === "processing") {
  await new Promise((resume) => setTimeout(resume, 500));
  status = await answerTo(`/music/status/${track.track_id}`);
  console.error(`${status.progress} %  ${status.stage}`);
}
if (status.status === "failed") {
  console.error(`failed: ${status.error}`);
  process.exit(1);
}

const download = await fetch(status.download_url);
const given = /filename="([^"/\\]+)"/.exec(download.headers.get("content-disposition") ?? "");
const name = given ? given[1] : `${track.track_id}.mp3`;
await writeFile(name, Buffer.from(await download.arrayBuffer()));
console.log(`saved ${name}`);
