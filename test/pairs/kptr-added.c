// A kernel pointer is added where there was room for one.
#include "pair.h"

#define __kptr __attribute__((btf_type_tag("kptr")))

struct task_struct;

struct flow {
	u64 packets;
#ifdef NEW
	struct task_struct __kptr *task;
#endif
};

FLOWS(struct flow);
