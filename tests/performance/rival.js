const { generate } = require("voucher-code-generator");
const [alphabet, count, generations] = [process.argv[1], Number(process.argv[2]), Number(process.argv[3])];
const make = () => generate({ count, charset: alphabet, pattern: "######26##11##20" });
make();
const started = process.hrtime.bigint();
let codes;
for (let n = 0; n < generations; n++) codes = make();
const seconds = Number(process.hrtime.bigint() - started) / 1e9;
console.log(JSON.stringify({ seconds, distinct: new Set(codes).size, sample: codes[0] }));
