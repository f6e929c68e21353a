// The frame of a peer in Go: what peer.c is to those in C, with the same options and the same line of JSON.
// A peer's own file is built together with this one.
package main

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const pool = 65536

// As the command line says it.
type peerRun struct {
	dir, variant         string
	writers, batch, size int
	seconds              float64
}

type peer struct {
	module   string   // whose version is told
	variants []string // the first is the default
	open     func(run peerRun)
	// Records whose numbers begin at first; returns once they are durable.
	append func(first uint64, records [][]byte)
	// How many the store holds.
	count func() int
	close func()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func readOptions(variants []string) (run peerRun) {
	flag.StringVar(&run.dir, "dir", "", "an empty directory")
	flag.StringVar(&run.variant, "variant", variants[0], fmt.Sprint(variants))
	flag.IntVar(&run.writers, "writers", 1, "at the same time")
	flag.IntVar(&run.batch, "batch", 1, "records at a time")
	flag.IntVar(&run.size, "size", 256, "bytes of a record")
	flag.Float64Var(&run.seconds, "seconds", 2, "how long")
	flag.Parse()
	if run.dir == "" || flag.NArg() != 0 || !slices.Contains(variants, run.variant) ||
		run.writers < 1 || run.batch < 1 || run.size < 1 || run.seconds <= 0 {
		flag.Usage()
		os.Exit(2)
	}
	return run
}

// Appends until the time is over; the milliseconds that each call took.
func (p peer) work(run peerRun, bytes []byte, seed int, end time.Time, next *atomic.Uint64) (latencies []float64) {
	random := rand.New(rand.NewSource(int64(seed)))
	for now := time.Now(); now.Before(end); {
		records := make([][]byte, run.batch)
		for i := range records {
			at := random.Intn(pool)
			records[i] = bytes[at : at+run.size]
		}
		first := next.Add(uint64(run.batch)) - uint64(run.batch)
		before := time.Now()
		p.append(first, records)
		now = time.Now()
		latencies = append(latencies, now.Sub(before).Seconds()*1e3)
	}
	return latencies
}

func version(module string) string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return dependency.Version + ", " + runtime.Version()
		}
	}
	return runtime.Version()
}

func (p peer) main() {
	run := readOptions(p.variants)
	bytes := make([]byte, pool+run.size)
	rand.New(rand.NewSource(1)).Read(bytes)
	p.open(run)

	latencies := make([][]float64, run.writers)
	var next atomic.Uint64
	var wait sync.WaitGroup
	begun := time.Now()
	end := begun.Add(time.Duration(run.seconds * float64(time.Second)))
	for w := range latencies {
		wait.Add(1)
		go func() {
			defer wait.Done()
			latencies[w] = p.work(run, bytes, w+2, end, &next)
		}()
	}
	wait.Wait()
	took := time.Since(begun).Seconds()

	all := slices.Concat(latencies...)
	slices.Sort(all)
	count := len(all) * run.batch
	if there := p.count(); there != count {
		must(fmt.Errorf("%d records were acknowledged, %d are there", count, there))
	}
	p.close()
	at := func(share float64) float64 { return all[int(float64(len(all))*share)] }
	fmt.Printf("{\"rate\":%.3f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"p999_ms\":%.3f,\"count\":%d,\"seconds\":%.3f,"+
		"\"version\":\"%s\"}\n", float64(count)/took, at(0.5), at(0.99), at(0.999), count, took, version(p.module))
}
