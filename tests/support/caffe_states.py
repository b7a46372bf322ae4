"""When a layer with a rule is in a net of a state: plainly, with stage `a`, at level 1."""

STATED = {
    ("", "include { stage: 'a' }"): [False, True, False],
    ("state { stage: 'a' }", "include { stage: 'a' }"): [True, True, True],
    ("state { stage: 'a' }", "exclude { stage: 'a' }"): [False, False, False],
    ("state { stage: 'b' }", "include { stage: 'a' stage: 'b' }"): [False, True, False],
    ("", "include { not_stage: 'a' }"): [True, False, True],
    ("state { level: 1 }", "include { min_level: 1 }"): [False, False, True],
    ("", "include { max_level: 0 }"): [True, True, False],
    ("state { phase: TRAIN }", "include { phase: TRAIN }"): [False, False, False],
    ("", "exclude { phase: TRAIN }"): [True, True, True],
}
