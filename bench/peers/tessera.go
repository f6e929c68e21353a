// Tessera (Go module github.com/transparency-dev/tessera), the log behind today's transparency logs, on
// plain files: a Merkle tree in tiles, and signed checkpoints at intervals.
//
//	default  as it is delivered: what comes within 250 ms, or 256 entries, is sequenced together
//	quick    1 ms instead of 250, and as many entries as the writers may bring at once
//
// An entry is acknowledged once its index is durably assigned and the tree made, as its documentation
// says; the checkpoint that commits to it comes later. No search for duplicates.
package main

import (
	"context"
	"crypto/rand"
	"path/filepath"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
)

var (
	appender *tessera.Appender
	reader   tessera.LogReader
)

func open(run peerRun) {
	ctx := context.Background()
	driver, err := posix.New(ctx, posix.Config{Path: filepath.Join(run.dir, "log")})
	must(err)
	private, _, err := note.GenerateKey(rand.Reader, "bench.invalid/log")
	must(err)
	signer, err := note.NewSigner(private)
	must(err)
	options := tessera.NewAppendOptions().WithCheckpointSigner(signer)
	if run.variant == "quick" {
		options = options.WithBatching(uint(max(tessera.DefaultBatchMaxSize, run.writers*run.batch)),
			time.Millisecond)
	}
	appender, _, reader, err = tessera.NewAppender(ctx, driver, options)
	must(err)
}

func appendBatch(_ uint64, records [][]byte) {
	futures := make([]tessera.IndexFuture, len(records))
	for i, record := range records {
		futures[i] = appender.Add(context.Background(), tessera.NewEntry(record))
	}
	for _, future := range futures {
		_, err := future()
		must(err)
	}
}

func countEntries() int {
	size, err := reader.IntegratedSize(context.Background())
	must(err)
	return int(size)
}

func main() {
	peer{
		module:   "github.com/transparency-dev/tessera",
		variants: []string{"default", "quick"},
		open:     open,
		append:   appendBatch,
		count:    countEntries,
		// The log is thrown away: nobody waits for its last checkpoint.
		close: func() {},
	}.main()
}
