#!/usr/bin/env node
// A plain compiler that stays: reads one request per line, {"file", "text", "wanted": [["test/A.sol", "A"], …]}, compiles the contracts
// that are wanted with `file` replaced by `text`, and answers {"codes": ["0x…", …]} or {"error": "…"} in one line.
// `contracts/mutate` starts it in a copy of the contracts.
"use strict";

const { readFileSync } = require("node:fs");
const { join, posix } = require("node:path");
const { createInterface } = require("node:readline");

const root = process.argv[2];
const solc = require(join(root, "lib", "solc"));
const IMPORT = /^\s*import\s[^;]*?"([^"]+)";/gm;
// A fifth of the time is for comments.
const COMMENTS = /\/\*\*[^]*?\*\/|^\s*\/\/.*$/gm;
const texts = new Map();

function textOf(file) {
    if (!texts.has(file)) {
        const path = join(root, file.startsWith("@") ? join("lib", file) : file);
        texts.set(file, readFileSync(path, "utf8").replace(COMMENTS, ""));
    }
    return texts.get(file);
}

// Everything that the files import, and they themselves.
function closure(files) {
    const found = new Set();
    const open = [...files];
    while (open.length > 0) {
        const file = open.pop();
        if (found.has(file)) continue;
        found.add(file);
        for (const [, path] of textOf(file).matchAll(IMPORT)) {
            open.push(path.startsWith(".") ? posix.join(posix.dirname(file), path) : path);
        }
    }
    return found;
}

function answer({ file, text, wanted }) {
    const sources = {};
    for (const name of closure(wanted.map(([source]) => source))) {
        sources[name] = { content: name === file ? text : textOf(name) };
    }
    const outputSelection = {};
    for (const [source, contract] of wanted) (outputSelection[source] ??= {})[contract] = ["evm.bytecode.object"];
    const metadata = { bytecodeHash: "none", appendCBOR: false };
    const settings = { evmVersion: "cancun", optimizer: { enabled: false }, metadata, outputSelection };
    const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
    const error = (output.errors ?? []).find((one) => one.severity === "error");
    if (error) return { error: error.formattedMessage ?? error.message };
    return { codes: wanted.map(([source, contract]) => `0x${output.contracts[source][contract].evm.bytecode.object}`) };
}

createInterface({ input: process.stdin }).on("line", (line) => {
    const request = JSON.parse(line);
    const reply = request.affected ? { affected: request.affected.filter(([source]) => closure([source]).has(request.file)) } : answer(request);
    process.stdout.write(`${JSON.stringify(reply)}\n`);
});
