// One chain of the devnet, which says by its environment which one it is.
const number = (name) => {
    const value = Number(process.env[name]);
    if (!Number.isSafeInteger(value) || value <= 0) throw new Error(`${name} is no number: ${process.env[name]}`);
    return value;
};

export default {
    networks: {
        chain: {
            type: "edr-simulated",
            chainType: "l1",
            chainId: number("POLYSPAN_CHAIN_ID"),
            networkId: number("POLYSPAN_CHAIN_ID"),
            blockGasLimit: number("POLYSPAN_BLOCK_GAS_LIMIT"),
            mining: { auto: false, interval: number("POLYSPAN_BLOCK_TIME_MS") },
            hardfork: "osaka",
        },
    },
};
