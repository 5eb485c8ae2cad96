//go:build tools

// Package tools pins Kaia's nodes for the devnet: go.sum holds the hash of every module that they are built from.
package tools

import (
	_ "github.com/kaiachain/kaia/cmd/kcn"
	_ "github.com/kaiachain/kaia/cmd/ken"
	_ "github.com/kaiachain/kaia/cmd/kscn"
	_ "github.com/kaiachain/kaia/cmd/ksen"
)
