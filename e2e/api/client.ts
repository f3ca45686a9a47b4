// A client of every operation, written against nothing but the types that are generated from the published description.
// It is compiled, not run: what a client relies on and the description does not say is an error here.
import type { components, operations, paths } from "./api";

type Schemas = components["schemas"];
type Id = keyof operations;

/** What an operation answers when it does what was asked for. */
type Answer<O extends Id> = operations[O]["responses"] extends infer R
  ? R extends { 200: { content: infer C } } | { 201: { content: infer C } } | { 202: { content: infer C } }
    ? C[keyof C]
    : never
  : never;

/** What an operation takes as its body. */
type Body<O extends Id> = operations[O] extends { requestBody: { content: infer C } } ? C[keyof C] : never;

class Refused extends Error {
  constructor(readonly problem: Schemas["Problem"]) {
    super(problem.hint ? `${problem.detail}; hint: ${problem.hint}` : problem.detail);
  }
}

class Client {
  constructor(
    private readonly server: string,
    private readonly token?: string,
  ) {}

  private async ask<O extends Id>(method: string, path: string, query: object = {}, body?: object): Promise<Answer<O>> {
    const url = new URL(path, this.server);
    for (const [key, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) url.searchParams.set(key, String(value));
    }
    const headers: Record<string, string> = this.token ? { authorization: `Bearer ${this.token}` } : {};
    const response = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Refused((await response.json()) as Schemas["Problem"]);
    return (await response.json()) as Answer<O>;
  }

  // An operation whose answer has no content.
  private async tell(method: string, path: string, body?: object): Promise<void> {
    const headers: Record<string, string> = this.token ? { authorization: `Bearer ${this.token}` } : {};
    const response = await fetch(new URL(path, this.server), { method, headers, body: body && JSON.stringify(body) });
    if (!response.ok) throw new Refused((await response.json()) as Schemas["Problem"]);
  }

  // Every operation has to be here: one that is missing, or is no more, is an error.
  readonly operations = {
    listRules: () => this.ask<"listRules">("GET", "/api/v1/sync/rules" satisfies keyof paths),
    listRuns: (query: operations["listRuns"]["parameters"]["query"]) =>
      this.ask<"listRuns">("GET", "/api/v1/sync/runs" satisfies keyof paths, query),
    getRun: (id: string, query: operations["getRun"]["parameters"]["query"]) =>
      this.ask<"getRun">("GET", ("/api/v1/sync/runs/{id}" satisfies keyof paths).replace("{id}", id), query),
    listCopies: (query: operations["listCopies"]["parameters"]["query"]) =>
      this.ask<"listCopies">("GET", "/api/v1/sync/state" satisfies keyof paths, query),
    runRule: (name: string, part?: Schemas["RunRequest"]) =>
      this.ask<"runRule">("POST", ("/api/v1/sync/rules/{name}/run" satisfies keyof paths).replace("{name}", name), {}, part),
    listPrunes: (query: operations["listPrunes"]["parameters"]["query"]) =>
      this.ask<"listPrunes">("GET", "/api/v1/sync/prunes" satisfies keyof paths, query),
    getPrune: (id: string, query: operations["getPrune"]["parameters"]["query"]) =>
      this.ask<"getPrune">("GET", ("/api/v1/sync/prunes/{id}" satisfies keyof paths).replace("{id}", id), query),
    approvePrune: (id: string, seen: Schemas["PruneDecision"]) =>
      this.ask<"approvePrune">("POST", ("/api/v1/sync/prunes/{id}/approve" satisfies keyof paths).replace("{id}", id), {}, seen),
    rejectPrune: (id: string, seen: Schemas["PruneDecision"]) =>
      this.ask<"rejectPrune">("POST", ("/api/v1/sync/prunes/{id}/reject" satisfies keyof paths).replace("{id}", id), {}, seen),
    cancelRun: (id: string) =>
      this.ask<"cancelRun">("POST", ("/api/v1/sync/runs/{id}/cancel" satisfies keyof paths).replace("{id}", id)),
    watchEvents: () => new EventSource(new URL("/api/v1/sync/events" satisfies keyof paths, this.server)),
    getCacheTotals: () => this.ask<"getCacheTotals">("GET", "/api/v1/cache/totals" satisfies keyof paths),
    listCacheRepositories: (query: operations["listCacheRepositories"]["parameters"]["query"]) =>
      this.ask<"listCacheRepositories">("GET", "/api/v1/cache/repositories" satisfies keyof paths, query),
    listCacheImages: (query: operations["listCacheImages"]["parameters"]["query"]) =>
      this.ask<"listCacheImages">("GET", "/api/v1/cache/images" satisfies keyof paths, query),
    removeCacheImages: (query: operations["removeCacheImages"]["parameters"]["query"]) =>
      this.ask<"removeCacheImages">("DELETE", "/api/v1/cache/images" satisfies keyof paths, query),
    verifyCache: (query: operations["verifyCache"]["parameters"]["query"]) =>
      this.ask<"verifyCache">("GET", "/api/v1/cache/verification" satisfies keyof paths, query),
    repairCache: (query: operations["repairCache"]["parameters"]["query"]) =>
      this.ask<"repairCache">("POST", "/api/v1/cache/verification" satisfies keyof paths, query),
    listCachePins: (query: operations["listCachePins"]["parameters"]["query"]) =>
      this.ask<"listCachePins">("GET", "/api/v1/cache/pins" satisfies keyof paths, query),
    pinCacheImage: (body: Body<"pinCacheImage">) =>
      this.ask<"pinCacheImage">("POST", "/api/v1/cache/pins" satisfies keyof paths, {}, body),
    unpinCacheImages: (query: operations["unpinCacheImages"]["parameters"]["query"]) =>
      this.ask<"unpinCacheImages">("DELETE", "/api/v1/cache/pins" satisfies keyof paths, query),
    planCacheEviction: (query: operations["planCacheEviction"]["parameters"]["query"]) =>
      this.ask<"planCacheEviction">("GET", "/api/v1/cache/eviction/plan" satisfies keyof paths, query),
    getCacheEviction: () => this.ask<"getCacheEviction">("GET", "/api/v1/cache/eviction" satisfies keyof paths),
    beginCacheEviction: (query: operations["beginCacheEviction"]["parameters"]["query"]) =>
      this.ask<"beginCacheEviction">("POST", "/api/v1/cache/eviction" satisfies keyof paths, query),
    cancelCacheEviction: () =>
      this.ask<"cancelCacheEviction">("DELETE", "/api/v1/cache/eviction" satisfies keyof paths),
    getCacheSavings: () => this.ask<"getCacheSavings">("GET", "/api/v1/cache/savings" satisfies keyof paths),
    getCacheScrub: () => this.ask<"getCacheScrub">("GET", "/api/v1/cache/scrub" satisfies keyof paths),
    beginCacheScrub: (query: operations["beginCacheScrub"]["parameters"]["query"]) =>
      this.ask<"beginCacheScrub">("POST", "/api/v1/cache/scrub" satisfies keyof paths, query),
    cancelCacheScrub: () => this.ask<"cancelCacheScrub">("DELETE", "/api/v1/cache/scrub" satisfies keyof paths),
    getMe: () => this.ask<"getMe">("GET", "/api/v1/me" satisfies keyof paths),
    listAccounts: (query: operations["listAccounts"]["parameters"]["query"]) =>
      this.ask<"listAccounts">("GET", "/api/v1/accounts" satisfies keyof paths, query),
    createAccount: (body: Body<"createAccount">) =>
      this.tell("POST", "/api/v1/accounts" satisfies keyof paths, body),
    getAccount: (name: string) =>
      this.ask<"getAccount">("GET", ("/api/v1/accounts/{name}" satisfies keyof paths).replace("{name}", name)),
    changeAccount: (name: string, body: Body<"changeAccount">) =>
      this.tell("PATCH", ("/api/v1/accounts/{name}" satisfies keyof paths).replace("{name}", name), body),
    removeAccount: (name: string) =>
      this.tell("DELETE", ("/api/v1/accounts/{name}" satisfies keyof paths).replace("{name}", name)),
    listTokens: (query: operations["listTokens"]["parameters"]["query"]) =>
      this.ask<"listTokens">("GET", "/api/v1/tokens" satisfies keyof paths, query),
    createToken: (body: Body<"createToken">) =>
      this.ask<"createToken">("POST", "/api/v1/tokens" satisfies keyof paths, {}, body),
    beginDeviceLogin: (body: Body<"beginDeviceLogin">) =>
      this.ask<"beginDeviceLogin">("POST", "/api/v1/device-logins" satisfies keyof paths, {}, body),
    pollDeviceLogin: (body: Body<"pollDeviceLogin">) =>
      this.ask<"pollDeviceLogin">("POST", "/api/v1/device-logins/poll" satisfies keyof paths, {}, body),
    getToken: (id: string) =>
      this.ask<"getToken">("GET", ("/api/v1/tokens/{id}" satisfies keyof paths).replace("{id}", id)),
    renewToken: (id: string) =>
      this.ask<"renewToken">("POST", ("/api/v1/tokens/{id}/renew" satisfies keyof paths).replace("{id}", id)),
    removeToken: (id: string) =>
      this.tell("DELETE", ("/api/v1/tokens/{id}" satisfies keyof paths).replace("{id}", id)),
    logIn: (body: Body<"logIn">) => this.ask<"logIn">("POST", "/api/v1/session" satisfies keyof paths, {}, body),
    logOut: () => this.tell("DELETE", "/api/v1/session" satisfies keyof paths),
    listSessions: (query: operations["listSessions"]["parameters"]["query"]) =>
      this.ask<"listSessions">("GET", "/api/v1/sessions" satisfies keyof paths, query),
    endSessions: (query: operations["endSessions"]["parameters"]["query"]) =>
      this.ask<"endSessions">("DELETE", "/api/v1/sessions" satisfies keyof paths, query),
    endSession: (id: string) =>
      this.tell("DELETE", ("/api/v1/sessions/{id}" satisfies keyof paths).replace("{id}", id)),
    listCredentials: (query: operations["listCredentials"]["parameters"]["query"]) =>
      this.ask<"listCredentials">("GET", "/api/v1/credentials" satisfies keyof paths, query),
    addCredential: (body: Body<"addCredential">) =>
      this.ask<"addCredential">("POST", "/api/v1/credentials" satisfies keyof paths, {}, body),
    getCredential: (name: string) =>
      this.ask<"getCredential">(
        "GET",
        ("/api/v1/credentials/{name}" satisfies keyof paths).replace("{name}", name),
      ),
    changeCredential: (name: string, body: Body<"changeCredential">) =>
      this.tell("PATCH", ("/api/v1/credentials/{name}" satisfies keyof paths).replace("{name}", name), body),
    removeCredential: (name: string) =>
      this.tell("DELETE", ("/api/v1/credentials/{name}" satisfies keyof paths).replace("{name}", name)),
    verifyCredential: (name: string, query: operations["verifyCredential"]["parameters"]["query"]) =>
      this.ask<"verifyCredential">(
        "POST",
        ("/api/v1/credentials/{name}/verify" satisfies keyof paths).replace("{name}", name),
        query,
      ),
    getSecrets: () => this.ask<"getSecrets">("GET", "/api/v1/secrets" satisfies keyof paths),
    rotateSecrets: () => this.ask<"rotateSecrets">("POST", "/api/v1/secrets/rotate" satisfies keyof paths),
    listNodes: (query: operations["listNodes"]["parameters"]["query"]) =>
      this.ask<"listNodes">("GET", "/api/v1/library/nodes" satisfies keyof paths, query),
    addNode: (body: Body<"addNode">) =>
      this.ask<"addNode">("POST", "/api/v1/library/nodes" satisfies keyof paths, {}, body),
    getNode: (id: number) =>
      this.ask<"getNode">("GET", ("/api/v1/library/nodes/{id}" satisfies keyof paths).replace("{id}", String(id))),
    changeNode: (id: number, body: Body<"changeNode">) =>
      this.ask<"changeNode">(
        "PATCH",
        ("/api/v1/library/nodes/{id}" satisfies keyof paths).replace("{id}", String(id)),
        {},
        body,
      ),
    removeNode: (id: number) =>
      this.tell("DELETE", ("/api/v1/library/nodes/{id}" satisfies keyof paths).replace("{id}", String(id))),
    checkNode: (id: number) =>
      this.ask<"checkNode">(
        "POST",
        ("/api/v1/library/nodes/{id}/check" satisfies keyof paths).replace("{id}", String(id)),
      ),
    releaseDevice: (id: number, uuid: string) =>
      this.tell(
        "POST",
        ("/api/v1/library/nodes/{id}/devices/{uuid}/release" satisfies keyof paths)
          .replace("{id}", String(id))
          .replace("{uuid}", uuid),
      ),
    listPulls: (query: operations["listPulls"]["parameters"]["query"]) =>
      this.ask<"listPulls">("GET", "/api/v1/library/pulls" satisfies keyof paths, query),
    beginPulls: (body: Body<"beginPulls">) =>
      this.ask<"beginPulls">("POST", "/api/v1/library/pulls" satisfies keyof paths, {}, body),
    getPull: (id: number) =>
      this.ask<"getPull">("GET", ("/api/v1/library/pulls/{id}" satisfies keyof paths).replace("{id}", String(id))),
    cancelPull: (id: number) =>
      this.tell("POST", ("/api/v1/library/pulls/{id}/cancel" satisfies keyof paths).replace("{id}", String(id))),
    watchPull: (id: number) =>
      new EventSource(
        new URL(
          ("/api/v1/library/pulls/{id}/events" satisfies keyof paths).replace("{id}", String(id)),
          this.server,
        ),
      ),
    listRequests: (query: operations["listRequests"]["parameters"]["query"]) =>
      this.ask<"listRequests">("GET", "/api/v1/requests" satisfies keyof paths, query),
    requestImage: (body: Body<"requestImage">) =>
      this.ask<"requestImage">("POST", "/api/v1/requests" satisfies keyof paths, {}, body),
    lookAtImage: (body: Body<"lookAtImage">) =>
      this.ask<"lookAtImage">("POST", "/api/v1/requests/look" satisfies keyof paths, {}, body),
    getRequest: (id: number) =>
      this.ask<"getRequest">("GET", ("/api/v1/requests/{id}" satisfies keyof paths).replace("{id}", String(id))),
    cancelRequest: (id: number) =>
      this.tell("POST", ("/api/v1/requests/{id}/cancel" satisfies keyof paths).replace("{id}", String(id))),
    watchRequest: (id: number) =>
      new EventSource(
        new URL(("/api/v1/requests/{id}/events" satisfies keyof paths).replace("{id}", String(id)), this.server),
      ),
    listKeepLists: () => this.ask<"listKeepLists">("GET", "/api/v1/keep" satisfies keyof paths),
    getKeepList: (name: string) =>
      this.ask<"getKeepList">("GET", ("/api/v1/keep/{name}" satisfies keyof paths).replace("{name}", name)),
    listKeepImages: (name: string, query: operations["listKeepImages"]["parameters"]["query"]) =>
      this.ask<"listKeepImages">(
        "GET",
        ("/api/v1/keep/{name}/images" satisfies keyof paths).replace("{name}", name),
        query,
      ),
    runKeepList: (name: string) =>
      this.ask<"runKeepList">("POST", ("/api/v1/keep/{name}/run" satisfies keyof paths).replace("{name}", name)),
    cancelKeepRun: (name: string) =>
      this.tell("POST", ("/api/v1/keep/{name}/cancel" satisfies keyof paths).replace("{name}", name)),
    listEntries: (query: operations["listEntries"]["parameters"]["query"]) =>
      this.ask<"listEntries">("GET", "/api/v1/library/entries" satisfies keyof paths, query),
    addEntry: (body: Body<"addEntry">) =>
      this.ask<"addEntry">("POST", "/api/v1/library/entries" satisfies keyof paths, {}, body),
    exportEntries: () => fetch(new URL("/api/v1/library/entries/export" satisfies keyof paths, this.server)),
    importEntries: (body: Body<"importEntries">) =>
      fetch(new URL("/api/v1/library/entries/import" satisfies keyof paths, this.server), { method: "POST", body }),
    getEntry: (id: string) =>
      this.ask<"getEntry">("GET", ("/api/v1/library/entries/{id}" satisfies keyof paths).replace("{id}", id)),
    changeEntry: (id: string, body: Body<"changeEntry">) =>
      this.ask<"changeEntry">(
        "PATCH",
        ("/api/v1/library/entries/{id}" satisfies keyof paths).replace("{id}", id),
        {},
        body,
      ),
    removeEntry: (id: string) =>
      this.tell("DELETE", ("/api/v1/library/entries/{id}" satisfies keyof paths).replace("{id}", id)),
    checkEntry: (id: string, query: operations["checkEntry"]["parameters"]["query"]) =>
      this.ask<"checkEntry">(
        "POST",
        ("/api/v1/library/entries/{id}/check" satisfies keyof paths).replace("{id}", id),
        query,
      ),
    listSpecs: (query: operations["listSpecs"]["parameters"]["query"]) =>
      this.ask<"listSpecs">("GET", "/api/v1/library/specs" satisfies keyof paths, query),
    createSpec: (body: Body<"createSpec">) =>
      this.ask<"createSpec">("POST", "/api/v1/library/specs" satisfies keyof paths, {}, body),
    getSpec: (id: number) =>
      this.ask<"getSpec">("GET", ("/api/v1/library/specs/{id}" satisfies keyof paths).replace("{id}", String(id))),
    changeSpec: (id: number, body: Body<"changeSpec">) =>
      this.ask<"changeSpec">(
        "PATCH",
        ("/api/v1/library/specs/{id}" satisfies keyof paths).replace("{id}", String(id)),
        {},
        body,
      ),
    removeSpec: (id: number) =>
      this.tell("DELETE", ("/api/v1/library/specs/{id}" satisfies keyof paths).replace("{id}", String(id))),
    listInstances: (query: operations["listInstances"]["parameters"]["query"]) =>
      this.ask<"listInstances">("GET", "/api/v1/library/instances" satisfies keyof paths, query),
    createInstance: (body: Body<"createInstance">) =>
      this.ask<"createInstance">("POST", "/api/v1/library/instances" satisfies keyof paths, {}, body),
    getInstance: (id: number) => this.ask<"getInstance">("GET", ("/api/v1/library/instances/{id}" satisfies keyof paths).replace("{id}", String(id))),
    changeInstance: (id: number, body: Body<"changeInstance">) =>
      this.ask<"changeInstance">("PATCH", ("/api/v1/library/instances/{id}" satisfies keyof paths).replace("{id}", String(id)), {}, body),
    removeInstance: (id: number, query: operations["removeInstance"]["parameters"]["query"]) =>
      this.tell("DELETE", `${("/api/v1/library/instances/{id}" satisfies keyof paths).replace("{id}", String(id))}?volumes=${query.volumes}`),
    startInstance: (id: number, body: Body<"startInstance">) => this.tell("POST", ("/api/v1/library/instances/{id}/start" satisfies keyof paths).replace("{id}", String(id)), body),
    stopInstance: (id: number) => this.tell("POST", ("/api/v1/library/instances/{id}/stop" satisfies keyof paths).replace("{id}", String(id))),
    restartInstance: (id: number) => this.tell("POST", ("/api/v1/library/instances/{id}/restart" satisfies keyof paths).replace("{id}", String(id))),
    reimageInstance: (id: number, body: Body<"reimageInstance">) => this.tell("POST", ("/api/v1/library/instances/{id}/image" satisfies keyof paths).replace("{id}", String(id)), body),
    commitInstance: (id: number, body: Body<"commitInstance">) =>
      this.ask<"commitInstance">("POST", ("/api/v1/library/instances/{id}/commit" satisfies keyof paths).replace("{id}", String(id)), {}, body),
    execInInstance: (id: number) => this.tell("GET", ("/api/v1/library/instances/{id}/exec" satisfies keyof paths).replace("{id}", String(id))),
    listInstanceRuns: (id: number, query: operations["listInstanceRuns"]["parameters"]["query"]) =>
      this.ask<"listInstanceRuns">("GET", ("/api/v1/library/instances/{id}/runs" satisfies keyof paths).replace("{id}", String(id)), query),
    readInstanceLogs: (id: number) => this.tell("GET", ("/api/v1/library/instances/{id}/logs" satisfies keyof paths).replace("{id}", String(id))),
    getInstanceStats: (id: number) => this.ask<"getInstanceStats">("GET", ("/api/v1/library/instances/{id}/stats" satisfies keyof paths).replace("{id}", String(id))),
    getFree: (query: operations["getFree"]["parameters"]["query"]) =>
      this.ask<"getFree">("GET", "/api/v1/library/free" satisfies keyof paths, query),
    getQuota: (account: string) =>
      this.ask<"getQuota">("GET", ("/api/v1/library/quotas/{account}" satisfies keyof paths).replace("{account}", account)),
    setQuota: (account: string, body: Body<"setQuota">) =>
      this.tell("PUT", ("/api/v1/library/quotas/{account}" satisfies keyof paths).replace("{account}", account), body),
    removeQuota: (account: string) =>
      this.tell("DELETE", ("/api/v1/library/quotas/{account}" satisfies keyof paths).replace("{account}", account)),
    listVolumes: (query: operations["listVolumes"]["parameters"]["query"]) =>
      this.ask<"listVolumes">("GET", "/api/v1/library/volumes" satisfies keyof paths, query),
    removeVolume: (name: string) =>
      this.tell("DELETE", ("/api/v1/library/volumes/{name}" satisfies keyof paths).replace("{name}", name)),
    listAudit: (query: operations["listAudit"]["parameters"]["query"]) =>
      this.ask<"listAudit">("GET", "/api/v1/audit" satisfies keyof paths, query),
    listGrants: (query: operations["listGrants"]["parameters"]["query"]) =>
      this.ask<"listGrants">("GET", "/api/v1/grants" satisfies keyof paths, query),
    addGrant: (body: Body<"addGrant">) => this.ask<"addGrant">("POST", "/api/v1/grants" satisfies keyof paths, {}, body),
    removeGrant: (id: string) => this.tell("DELETE", ("/api/v1/grants/{id}" satisfies keyof paths).replace("{id}", id)),
    explainAccess: (query: operations["explainAccess"]["parameters"]["query"]) =>
      this.ask<"explainAccess">("GET", "/api/v1/access/explain" satisfies keyof paths, query),
    getPullRules: () => this.ask<"getPullRules">("GET", "/api/v1/pull-rules" satisfies keyof paths),
    listLinks: () => this.ask<"listLinks">("GET", "/api/v1/links" satisfies keyof paths),
    getBudget: () => this.ask<"getBudget">("GET", "/api/v1/budget" satisfies keyof paths),
    getStatus: () => this.ask<"getStatus">("GET", "/api/v1/status" satisfies keyof paths),
    getMode: () => this.ask<"getMode">("GET", "/api/v1/mode" satisfies keyof paths),
    setMode: (body: Body<"setMode">) => this.ask<"setMode">("PUT", "/api/v1/mode" satisfies keyof paths, {}, body),
    resetMode: () => this.ask<"resetMode">("DELETE", "/api/v1/mode" satisfies keyof paths),
    waitForSpec: (id: number) =>
      this.tell("PUT", ("/api/v1/library/specs/{id}/wait" satisfies keyof paths).replace("{id}", String(id))),
    endSpecWait: (id: number) =>
      this.tell("DELETE", ("/api/v1/library/specs/{id}/wait" satisfies keyof paths).replace("{id}", String(id))),
    listWebhooks: () => this.ask<"listWebhooks">("GET", "/api/v1/webhooks" satisfies keyof paths),
    testWebhook: (name: string) =>
      this.ask<"testWebhook">("POST", ("/api/v1/webhooks/{name}/test" satisfies keyof paths).replace("{name}", name)),
    listWebhookDeliveries: (query: operations["listWebhookDeliveries"]["parameters"]["query"]) =>
      this.ask<"listWebhookDeliveries">("GET", "/api/v1/webhook-deliveries" satisfies keyof paths, query),
    redeliver: (id: string) =>
      this.ask<"redeliver">("POST", ("/api/v1/webhook-deliveries/{id}/redeliver" satisfies keyof paths).replace("{id}", id)),
    reloadPullRules: () => this.ask<"reloadPullRules">("POST", "/api/v1/pull-rules/reload" satisfies keyof paths),
    explainPullRules: (query: operations["explainPullRules"]["parameters"]["query"]) =>
      this.ask<"explainPullRules">("GET", "/api/v1/pull-rules/explain" satisfies keyof paths, query),
    listDenials: () => this.ask<"listDenials">("GET", "/api/v1/pull-rules/denials" satisfies keyof paths),
    denyImages: (body: Body<"denyImages">) =>
      this.ask<"denyImages">("POST", "/api/v1/pull-rules/denials" satisfies keyof paths, {}, body),
    undenyImages: (image: string) =>
      this.tell("DELETE", `${"/api/v1/pull-rules/denials" satisfies keyof paths}?image=${encodeURIComponent(image)}`),
    listPullers: (query: operations["listPullers"]["parameters"]["query"]) =>
      this.ask<"listPullers">("GET", "/api/v1/pull-rules/pulled-by" satisfies keyof paths, query),
    getLimits: () => this.ask<"getLimits">("GET", "/api/v1/limits" satisfies keyof paths),
    getOwnLimits: () => this.ask<"getOwnLimits">("GET", "/api/v1/limits/me" satisfies keyof paths),
    explainLimit: (id: string) =>
      this.ask<"explainLimit">("GET", ("/api/v1/limits/explain/{id}" satisfies keyof paths).replace("{id}", id)),
    listBans: () => this.ask<"listBans">("GET", "/api/v1/limits/bans" satisfies keyof paths),
    addBan: (body: Body<"addBan">) => this.ask<"addBan">("POST", "/api/v1/limits/bans" satisfies keyof paths, {}, body),
    liftBan: (id: string) => this.tell("DELETE", ("/api/v1/limits/bans/{id}" satisfies keyof paths).replace("{id}", id)),
  } satisfies Record<Id, unknown>;
}

// An event of the stream has a name, and data that follow from the name.
function told(event: Schemas["Event"]): string {
  switch (event.event) {
    case "running":
      return event.data.runs.map((run) => `${run.rule}: ${run.phase}`).join(", ");
    case "began":
    case "progress":
      return `${event.data.rule}: ${event.data.done} of ${event.data.bytes} bytes`;
    case "copies":
      return event.data.changes.map((copy) => `${copy.target}: ${copy.outcome}`).join(", ");
    case "ended":
      return `${event.data.rule}: ${event.data.outcome}`;
    case "rules":
      return "the rules were changed";
    default:
      return event satisfies never;
  }
}

export async function everything(server: string): Promise<void> {
  const { operations: api } = new Client(server, "a token");
  const rules = await api.listRules();
  for (const rule of rules.rules) {
    console.log(rule.name, rule.next ?? "by hand", rule.copies.in_sync, "of", rule.copies.total, rules.refused?.hint);
    const copies = await api.listCopies({ rule: rule.name, n: 10 });
    const last = copies.copies.at(-1);
    if (copies.more && last) await api.listCopies({ rule: rule.name, source: last.source, reference: last.reference });
    const begun = await api.runRule(rule.name, { image: "quay.io/ascend/cann:8.0" });
    if (begun.outcome === "joined") await api.cancelRun(begun.run);
    const run = await api.getRun(begun.run, { after: 0 });
    console.log(run.id, run.outcome satisfies "running" | "done" | "failed" | "cancelled" | "interrupted", run.changes.length);
  }
  const runs = await api.listRuns({ before: "1f", n: 2 });
  console.log(runs.runs.map((run) => run.cause), runs.more);
  api.watchEvents().addEventListener("rules", () => console.log(told({ event: "rules", data: {} })));
  const totals = await api.getCacheTotals();
  const repositories = await api.listCacheRepositories({ prefix: "docker.io/" });
  for (const { name } of repositories.repositories) {
    const images = await api.listCacheImages({ name, n: 100 });
    const removed = await api.removeCacheImages({ name, reference: images.images[0]?.digest });
    console.log(totals.bytes - removed.freed, "bytes are left");
  }
  const me = await api.getMe();
  console.log(me.kind, me.account ?? "no account", me.operations.includes("manage-accounts"));
  await api.createAccount({ name: "ci", role: "user" });
  await api.changeAccount("ci", { disabled: false });
  const issued = await api.createToken({ account: "ci", name: "build", scopes: ["pull,push:local/ci/**"] });
  const renewed = await api.renewToken(issued.id);
  const tokens = await api.listTokens({ account: "ci" });
  console.log(renewed.token.length, tokens.tokens.map((token) => token.secrets[0]?.last_used ?? "never used"));
  await api.removeToken(issued.id);
  const grant = await api.addGrant({ to: "account:ci", repositories: ["local/ci/**"], may: ["pull", "push"] });
  const why = await api.explainAccess({ principal: "account:ci", action: "push", repository: "local/ci/app" });
  console.log(why.allowed, why.reason, why.grant?.id === grant.id, (await api.getAccount("ci")).revision);
  for (const known of (await api.listGrants({ to: "account:ci" })).grants) await api.removeGrant(known.id);
  for (const account of (await api.listAccounts({ n: 10, sort: "-created" })).accounts) await api.removeAccount(account.name);
  const login = await api.beginDeviceLogin({ client: "a program" });
  const state = await api.pollDeviceLogin({ device_code: login.device_code });
  console.log(login.verification_uri_complete, state.state === "done" ? state.token.length : state.state);
  const session = await api.logIn({ name: "alice", password: "correct horse battery" });
  console.log((await api.listSessions({ n: 10 })).sessions.filter((other) => other.id !== session.id && !other.current));
  await api.endSession(session.id);
  console.log((await api.endSessions({ account: "alice" })).ended);
  await api.logOut();
  const { name } = await api.addCredential({ registry: "quay.io", namespace: "acme", username: "robot", password: "x" });
  await api.changeCredential(name, { password: "y" });
  const said = await api.verifyCredential(encodeURIComponent(name), { repository: "acme/app" });
  console.log(said.verdict === "accepted" ? (said.quota?.remaining ?? "no limit is told") : said.hint);
  for (const credential of (await api.listCredentials({ n: 10 })).credentials) await api.removeCredential(credential.name);
  const { keys } = (await api.getSecrets()).key_file ? await api.rotateSecrets() : await api.getSecrets();
  console.log(keys.map((key) => `${key.id}: ${key.values} values`));
  for (const { id, digest, status } of (await api.listPrunes({ rule: "base" })).prunes) {
    const { tags } = await api.getPrune(id, { n: 10 });
    if (status === "waiting" && tags.every((tag) => tag.tag.startsWith("nightly-"))) await api.approvePrune(id, { digest });
    else if (status === "waiting") await api.rejectPrune(id, { digest });
  }
  for (const webhook of (await api.listWebhooks()).webhooks) {
    const test = await api.testWebhook(webhook.name);
    if (!test.delivered) console.log(webhook.origin, test.problem, webhook.on.join(" "));
  }
  for (const delivery of (await api.listWebhookDeliveries({ status: "failed" })).deliveries) await api.redeliver(delivery.id);
  const pulls = (await api.getPullRules()).refused ? await api.reloadPullRules() : await api.getPullRules();
  const links = (await api.listLinks()).links.filter((link) => link.state !== "ready" && link.last_failure !== null);
  console.log(links.map((link) => `${link.name}: ${link.last_failure?.detail}`));
  const decision = await api.explainPullRules({ image: "nginx:1.27" });
  console.log(pulls.lists.map((list) => `${list.name} (${list.kind}): ${list.rules}`), decision.allowed, decision.reason, decision.line);
  console.log((await api.listAudit({ actor: "owner" })).entries.map((entry) => `${entry.actor} ${entry.action}`));
}
