// Which signals are sent, by whom, to whom.
#include "tool.h"

struct event {
	u32 sender;
	u32 receiver;
	int signal;
	int code;
	int result;
	u8 comm[TASK_COMM];
	u8 receiver_comm[TASK_COMM];
};

const volatile u32 only_sender = 0;
const volatile int only_signal = 0;

RING(events, 1 << 16);
u64 sent[64] = {};

SEC("tp_btf/signal_generate")
int BPF_PROG(on_signal, int signal, struct kernel_siginfo *info, struct task_struct *task, int type, int result)
{
	u32 sender = current_pid();
	struct event *event;

	if (only_sender && sender != only_sender)
		return 0;
	if (only_signal && signal != only_signal)
		return 0;
	__sync_fetch_and_add(&sent[signal & 63], 1);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event)
		return 0;
	event->sender = sender;
	event->receiver = BPF_CORE_READ(task, tgid);
	event->signal = signal;
	event->result = result;
	/* 0, 1 and 2 are no pointers: SEND_SIG_NOINFO, SEND_SIG_PRIV */
	event->code = (u64)info > 2 ? BPF_CORE_READ(info, si_code) : 0;
	bpf_get_current_comm(&event->comm, sizeof(event->comm));
	BPF_CORE_READ_STR_INTO(&event->receiver_comm, task, comm);
	bpf_ringbuf_submit(event, 0);
	return 0;
}
