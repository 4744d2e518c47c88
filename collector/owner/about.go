package owner

import (
	"slices"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
)

// A dashboard may show what a rule records while an alert watches what the rule was made of, or the other way round: both are about
// the same thing. So an act is about the metrics that its subject names, and about those that they are recorded from. Whose act it
// is does not follow from that: who owns what is decided by the names alone.

// learnRecording notes what a metric is recorded from, in any version of any rule.
func (b *Book) learnRecording(r *activity.Rule) {
	if r.Kind != activity.RuleRecording || r.Removed {
		return
	}
	from := b.recorded[r.Name]
	for _, m := range r.Metrics {
		if at, known := slices.BinarySearch(from, m); !known {
			from = slices.Insert(from, at, m)
		}
	}
	b.recorded[r.Name] = from
}

// recordings follows metrics to what they are recorded from. Acts share the lists of their subjects, so each list is followed once.
type recordings struct {
	from     map[string][]string
	followed map[list][]string
}

// list is a list of names by where it lies in memory.
type list struct {
	first *string
	n     int
}

func (b *Book) recordings() recordings { return recordings{b.recorded, map[list][]string{}} }

// about returns metrics, sorted, with what they are recorded from, directly or through other recordings.
func (r recordings) about(metrics []string) []string {
	if len(metrics) == 0 || len(r.from) == 0 {
		return metrics
	}
	key := list{&metrics[0], len(metrics)}
	all, ok := r.followed[key]
	if !ok {
		all = r.follow(metrics)
		r.followed[key] = all
	}
	return all
}

func (r recordings) follow(metrics []string) []string {
	all, seen := slices.Clone(metrics), map[string]bool{}
	for _, m := range metrics {
		seen[m] = true
	}
	for i := 0; i < len(all); i++ {
		for _, m := range r.from[all[i]] {
			if !seen[m] {
				seen[m] = true
				all = append(all, m)
			}
		}
	}
	slices.Sort(all)
	return all
}
