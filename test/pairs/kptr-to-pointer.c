// What was a kernel pointer is a mere number.
#include "pair.h"

#define __kptr __attribute__((btf_type_tag("kptr")))

struct task_struct;

struct flow {
	u64 packets;
#ifdef NEW
	struct task_struct *task;
#else
	struct task_struct __kptr *task;
#endif
};

FLOWS(struct flow);
