// A typed client: asks for a track, follows it live and says where it is. Beside this file:
//   npm install && npm run types && npm run build && npm start -- "slow waltz" 30
// `types` makes music.d.ts from the OpenAPI document of the service, so what it does not know does not compile.

import type { components, paths } from "./music.js";

type Ask = components["schemas"]["GenerateRequest"];
type Status = components["schemas"]["StatusAnswer"];
type Accepted = paths["/music/generate"]["post"]["responses"]["200"]["content"]["application/json"];

/** What every event of a track tells. */
interface Happening {
  track_id: string;
  stage: string;
  progress: number;
  status: Status["status"];
}

export class Music {
  constructor(private readonly base: string) {}

  /** Asks for a track; it is made in the background. */
  async generate(ask: Ask): Promise<Accepted> {
    const answer = await fetch(`${this.base}/music/generate`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(ask),
    });
    if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    return (await answer.json()) as Accepted;
  }

  /** Hears what happens to a track, and comes back with its status once it is finished. */
  async follow(trackId: string, heard: (name: string, happening: Happening) => void): Promise<Status> {
    let last = "";
    for (;;) {
      const answer = await fetch(`${this.base}/music/tracks/${trackId}/events`, {
        headers: last ? { "Last-Event-ID": last } : {},
      });
      if (!answer.ok || !answer.body) throw new Error(`${answer.status}: ${await answer.text()}`);
      for await (const event of events(answer.body)) {
        last = event.id;
        if (["completed", "failed", "cancelled"].includes(event.name)) return JSON.parse(event.data) as Status;
        heard(event.name, JSON.parse(event.data) as Happening);
      }
      await new Promise((resume) => setTimeout(resume, 1000)); // the server restarts, or a proxy lost patience
    }
  }
}

/** Server-Sent Events of a body, as EventSource would read them; Node.js 20 has none. */
async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<{ name: string; id: string; data: string }> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += decoder.decode(value, { stream: true });
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const lines = rest.slice(0, end).split("\n");
      rest = rest.slice(end + 2);
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
      if (field("event")) yield { name: field("event"), id: field("id"), data: field("data") };
    }
  }
}

const [prompt = "relaxing piano melody for meditation", duration = "30", base = "http://localhost:8000"] =
  process.argv.slice(2);
const music = new Music(base);
const { track_id } = await music.generate({ prompt, duration: Number(duration) });
const status = await music.follow(track_id, (name, { stage, progress }) => console.error(`${name}: ${stage} ${progress} %`));
if (status.status !== "completed") {
  console.error(`failed: ${status.error}`);
  process.exit(1);
}
console.log(status.download_url);
