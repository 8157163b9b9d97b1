// A counter server on node-opcua for the fault harness: each variable counts +1, so that loss,
// duplicates and order are decided by arithmetic. Options come as one JSON argument; commands come
// as words on stdin; what was made is told on stdout when asked for.
"use strict";
const opcua = require("node-opcua");
const readline = require("readline");

const options = Object.assign(
  {
    port: 0, nodes: 5, rate: 100, start: 1, history: false, uris: ["urn:counter:a", "urn:counter:b"],
    home: "urn:counter:b", maxItemsPerCall: 0, maxQueue: 0, clockOffsetS: 0, equalStamps: false, coarse: false,
    pki: null, security: false, user: null, password: null,
    random: false, type: "UInt32", statuses: ["Good"],
  },
  JSON.parse(process.argv[2] || "{}"),
);

async function main() {
  if (options.maxQueue) {
    // It has a limit of its own that cannot be set: what is granted is cut down where it is made.
    const way = opcua.MonitoredItem.prototype._set_parameters;
    opcua.MonitoredItem.prototype._set_parameters = function (asked) {
      way.call(this, asked);
      this.queueSize = Math.min(this.queueSize, options.maxQueue);
    };
  }
  const setup = {
    port: options.port,
    allowAnonymous: options.user === null,
    isAuditing: false,
    securityPolicies: options.security
      ? [opcua.SecurityPolicy.Basic256Sha256, opcua.SecurityPolicy.Aes256_Sha256_RsaPss]
      : [opcua.SecurityPolicy.None],
    securityModes: options.security
      ? [opcua.MessageSecurityMode.SignAndEncrypt]
      : [opcua.MessageSecurityMode.None],
    serverCapabilities: {
      minSupportedSampleRate: options.coarse ? 50 : 0,
      operationLimits: { maxMonitoredItemsPerCall: options.maxItemsPerCall },
    },
    userManager: {
      isValidUser: (user, password) => user === options.user && password === options.password,
    },
  };
  if (options.pki) {
    setup.serverCertificateManager = new opcua.OPCUACertificateManager({
      rootFolder: options.pki, automaticallyAcceptUnknownCertificate: true,
    });
  }
  const server = new opcua.OPCUAServer(setup);
  await server.initialize();
  const space = server.engine.addressSpace;
  const namespaces = options.uris.map((uri) => space.registerNamespace(uri));
  const own = namespaces[options.uris.indexOf(options.home)];
  const plant = own.addFolder(space.rootFolder.objects, { browseName: "Plant", nodeId: "s=Plant" });
  const counters = [];
  const variable = (name) => own.addVariable({
    componentOf: plant, browseName: name, nodeId: `s=${name}`, dataType: options.type, minimumSamplingInterval: 0,
  });
  for (let i = 0; i < options.nodes; i++) {
    const node = variable(`c${i}`);
    if (options.history) {
      space.installHistoricalDataNode(node, { maxOnlineValues: 100000 });
    }
    counters.push(node);
  }
  let value = options.start - 1;
  let last = 0;
  function count() {
    value += 1;
    let ms = Date.now() + options.clockOffsetS * 1000;
    if (options.equalStamps) {
      ms = 1767225600000;
    } else if (ms <= last) {
      ms = last + 0.1; // one stamp, one value
    }
    last = ms;
    const stamp = new Date(ms);
    for (const node of counters) {
      node.setValueFromSource(
        { dataType: opcua.DataType[options.type], value: options.type === "String" ? `${value}` : value },
        opcua.StatusCodes[options.statuses[value % options.statuses.length]], stamp);
    }
  }
  count();
  await server.start();
  const port = new URL(server.getEndpointUrl().replace("opc.tcp", "http")).port;
  console.log(JSON.stringify({ port: Number(port) }));
  let running = true;
  const began = Date.now();
  let made = 0;
  const timer = setInterval(() => {
    if (!running) return;
    if (options.random) { // at any moment, one after the other or long apart
      if (Math.random() < options.rate * 0.002) count();
      return;
    }
    const due = Math.floor(((Date.now() - began) / 1000) * options.rate);
    for (let steps = 0; made < due && steps < 1000; steps++) {
      made += 1;
      count();
    }
  }, 2);
  readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const [word, argument] = line.trim().split(" ");
    if (word === "made") console.log(JSON.stringify({ made: value }));
    if (word === "halt") { running = false; console.log(JSON.stringify({ made: value })); }
    if (word === "stop") server.shutdown(argument ? Number(argument) : 0);
    if (word === "delete") space.deleteNode(counters.splice(Number(argument.slice(1)), 1)[0]);
    if (word === "anew") counters.splice(Number(argument.slice(1)), 0, variable(argument));
    if (word === "clock") { options.clockOffsetS = Number(argument); last = 0; }
  }).on("close", () => { clearInterval(timer); process.exit(0); });
}

main().catch((error) => { console.error(error); process.exit(1); });
