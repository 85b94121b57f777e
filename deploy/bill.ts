// The monthly costs, shown before any question. docs/faq.md says where each price comes from.
export const BILL = `What this costs you a month (seen 2026-09, prices change):
  Orgo        29 USD for one cloud computer (plan Hacker); each workspace needs one. 99 USD for four.
  Cloudflare   0 USD on Workers Free for light use; 5 USD on Workers Paid, which long or parallel plans need.
  Model       tokens of your plans: a small one about 0.50 to 2 USD. Each plan has a budget (10 USD unless you say otherwise).`
