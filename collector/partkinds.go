package collector

import (
	"cmp"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/metrics-maturity/metrics-maturity/collector/activity"
	"github.com/metrics-maturity/metrics-maturity/collector/store"
)

// partKind is all of a part but when and who.
type partKind struct {
	Kind    activity.Kind `json:"kind"`
	Scope   string        `json:"scope"`
	Subject string        `json:"subject,omitempty"`
	Detail  string        `json:"detail,omitempty"`
	Robot   string        `json:"robot,omitempty"`
	Tenant  string        `json:"tenant,omitempty"`
	Count   int64         `json:"count,omitempty"`
	Step    string        `json:"step,omitempty"`
}

func (k *partKind) event() activity.Event {
	return activity.Event{Kind: k.Kind, Scope: k.Scope, Subject: k.Subject, Detail: k.Detail, Robot: k.Robot, Tenant: k.Tenant, Count: k.Count, Step: k.Step}
}

func (k *partKind) compare(o *partKind) int {
	return cmp.Or(
		cmp.Compare(k.Step, o.Step), cmp.Compare(k.Kind, o.Kind), cmp.Compare(k.Subject, o.Subject), cmp.Compare(k.Detail, o.Detail),
		cmp.Compare(k.Robot, o.Robot), cmp.Compare(k.Tenant, o.Tenant), cmp.Compare(k.Count, o.Count),
	)
}

// partKinds numbers what parts are: few are different, and there are many of each. The numbers hold for one run.
type partKinds struct {
	loner Loner // the source's joiner, if it is one

	mu     sync.Mutex // several folders number what they hold
	kinds  []partKind
	scopes []uint32 // of a kind: equal for equal scopes
	alone  []bool   // of a kind: an act of its own unless another step is near
	ids    map[partKind]uint32
	scope  map[string]uint32
}

func newPartKinds(j Joiner) *partKinds {
	loner, _ := j.(Loner)
	return &partKinds{loner: loner, ids: map[partKind]uint32{}, scope: map[string]uint32{}}
}

// number returns the number of what an event is.
func (n *partKinds) number(e *activity.Event) uint32 {
	return n.numberOf(partKindOf(e))
}

func partKindOf(e *activity.Event) partKind {
	return partKind{Kind: e.Kind, Scope: e.Scope, Subject: e.Subject, Detail: e.Detail, Robot: e.Robot, Tenant: e.Tenant, Count: e.Count, Step: e.Step}
}

func (n *partKinds) numberOf(k partKind) uint32 {
	n.mu.Lock()
	defer n.mu.Unlock()
	id, ok := n.ids[k]
	if !ok {
		id = uint32(len(n.kinds))
		n.ids[k] = id
		scope, ok := n.scope[k.Scope]
		if !ok {
			scope = uint32(len(n.scope))
			n.scope[k.Scope] = scope
		}
		n.kinds, n.scopes = append(n.kinds, k), append(n.scopes, scope)
		n.alone = append(n.alone, n.loner != nil && n.loner.Alone(k.Step))
	}
	return id
}

// renumber forgets what no part is any more, if more than most are known. Then all numbers are others.
func (h *held) renumber(most int) bool {
	if len(h.kinds) <= most {
		return false
	}
	old := h.kinds
	h.kinds, h.scopes, h.alone = nil, nil, nil
	h.ids, h.scope = map[partKind]uint32{}, map[string]uint32{}
	for i := range h.parts {
		h.parts[i].what = h.numberOf(old[h.parts[i].what])
	}
	return true
}

// keptPart is how the store keeps a part.
type keptPart struct {
	Time time.Time `json:"time"`
	partKind
	Actor activity.ActorID `json:"actor"`
}

// keptHeld is how the store keeps what is held.
type keptHeld struct {
	Parts     []keptPart          `json:"parts"`
	Stretches map[string]*stretch `json:"stretches"`
}

func newHeld(j Joiner, state []byte) (*held, error) {
	h := &held{stretches: map[string]*stretch{}, partKinds: newPartKinds(j)}
	if len(state) == 0 {
		return h, nil
	}
	var kept keptHeld
	if err := json.Unmarshal(state, &kept); err != nil {
		return nil, err
	}
	for _, p := range kept.Parts {
		h.parts = append(h.parts, part{at: p.Time.UnixNano(), actor: p.Actor, what: h.numberOf(p.partKind)})
	}
	for id, s := range kept.Stretches {
		if s == nil {
			return nil, fmt.Errorf("stretch %q is empty", id)
		}
		h.stretches[id] = s
	}
	return h, nil
}

// state is what the store keeps.
func (h *held) state() ([]byte, error) {
	kept := keptHeld{Parts: make([]keptPart, len(h.parts)), Stretches: h.stretches}
	for i, p := range h.parts {
		kept.Parts[i] = keptPart{Time: time.Unix(0, p.at).UTC(), partKind: h.kinds[p.what], Actor: p.actor}
	}
	return json.Marshal(kept)
}

// foldAlone lists a part that is an act of its own.
func (f *folder) foldAlone(kinds *partKinds, p part) {
	for int(p.what) >= len(f.alone) {
		f.alone = append(f.alone, remembered{})
	}
	d := &f.alone[p.what]
	if !d.known {
		e := kinds.kinds[p.what].event()
		*d = remembered{known: true, sort: f.sort(&e), subject: f.days.NameID(e.Subject), count: max(e.Count, 1)}
	}
	if d.count == 1 {
		f.list(act{p.at, p.actor, d.sort, d.subject})
		return
	}
	f.clock.set(p.at)
	f.days.Add(f.clock.date, d.sort, d.subject, p.actor, store.Sum{Count: d.count, First: p.at, Last: p.at, Hours: 1 << f.clock.hour})
}
