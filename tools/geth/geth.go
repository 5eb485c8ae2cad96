//go:build tools

// Package tools pins go-ethereum for the devnet: go.sum holds the hash of every module that geth is built from.
package tools

import _ "github.com/ethereum/go-ethereum/cmd/geth"
