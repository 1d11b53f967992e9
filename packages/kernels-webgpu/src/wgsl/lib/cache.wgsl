// How keys and values lie in a cache: 16 bytes hold PER numbers of a head, a head has PARTS of them. A page of a head has its
// 128 keys part by part, so that workers side by side read keys side by side; its values lie slot by slot. q8_0 has 16
// bytes more a slot, after the parts: an f16 scale for each 32 numbers.
fn page_at(page: u32, kv_head: u32, kv_heads: u32) -> u32 { return (page * kv_heads + kv_head) * ${PAGE_PARTS}u; }
fn key_at(page: u32, part: u32, slot: u32) -> u32 { return page + 128u * part + slot; }
fn value_at(page: u32, slot: u32, part: u32) -> u32 { return page + ${PARTS}u * slot + part; }
#if Q8
fn scales_at(page: u32, slot: u32) -> u32 { return page + ${SCALES_AT}u + slot; }
#end
