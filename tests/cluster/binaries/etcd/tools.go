//go:build tools

// Package tools names the program, so that go.sum covers what it needs.
package tools

import _ "go.etcd.io/etcd/server/v3"
