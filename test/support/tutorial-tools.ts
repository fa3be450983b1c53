// The tools of the search tutorial: one target for restaurants, four with the same 79 tools for calculating and finance.

import type { GivenTool } from './search.ts';

const NUMBERS = { firstNumber: 'The first number', secondNumber: 'The second number' };
const ACCOUNT = { accountId: 'Id of the account' };

/** `name | description`, and what its arguments are. */
const GROUPS: readonly (readonly [arguments: Readonly<Record<string, string>>, tools: string])[] = [
  [
    NUMBERS,
    `add_numbers | Adds two numbers
subtract_numbers | Subtracts the second number from the first
multiply_numbers | Multiplies two numbers
divide_numbers | Divides the first number by the second
power_of_number | Raises the first number to the power of the second
modulo_numbers | Remainder of dividing the first number by the second
compare_numbers | Says which of two numbers is greater
percentage_of_number | The second number as a percentage of the first
greatest_common_divisor | Greatest number that divides both numbers
least_common_multiple | Least number that both numbers divide`,
  ],
  [
    { value: 'The number' },
    `square_root | Square root of a number
cube_root | Cube root of a number
absolute_value | A number without its sign
round_number | Rounds a number to so many places
natural_logarithm | Logarithm of a number to base e
factorial | Product of all whole numbers up to a number
is_prime | Whether a number is prime
sine | Sine of an angle
cosine | Cosine of an angle
tangent | Tangent of an angle`,
  ],
  [
    { values: 'The list of numbers' },
    `mean_of_values | Average of a list of numbers
median_of_values | Middle value of a list of numbers
standard_deviation | How far a list of numbers is spread
sum_of_list | Total of a list with any count of numbers, weighted if wanted
variance_of_values | Variance of a list of numbers
correlation | Correlation between two lists of numbers
linear_regression | Straight line through a list of points
moving_average | Average over a moving window of a list of numbers`,
  ],
  [
    { amount: 'Sum of money', rate: 'Interest rate in percent', years: 'Number of years' },
    `simple_interest | Simple interest on a sum of money
compound_interest | Compound interest on a sum of money
loan_payment | Monthly payment of a loan
mortgage_schedule | Repayment plan of a mortgage
present_value | What a future sum of money is worth today
future_value | What a sum of money will be worth later
net_present_value | Net present value of a series of cash flows
internal_rate_of_return | Rate at which cash flows are worth nothing today
annuity_payment | Payment of an annuity
inflation_adjust | A sum of money adjusted for inflation
depreciation | Depreciation of an asset over its life`,
  ],
  [
    { company: 'Name or id of the company' },
    `credit_rating | Credit rating of a company
credit_research_report | Research report on the credit of a company
credit_spread_analysis | Analysis of the spread of a company’s credit over government bonds
default_probability | How likely a borrower is to default on its credit
bond_covenants | Covenants of the bonds of a company
balance_sheet | Balance sheet of a company
income_statement | Income statement of a company
cash_flow_statement | Cash flow statement of a company
financial_ratios | Liquidity, leverage and profitability of a company
earnings_calendar | When companies publish their earnings
analyst_estimates | What analysts expect a company to earn
company_news | News about a company
insider_transactions | Shares that insiders bought and sold
dividend_history | Dividends that a company has paid`,
  ],
  [
    { symbol: 'Ticker symbol of the stock', quantity: 'Number of shares' },
    `place_equity_trade | Places a trade of equities: buys or sells shares of a stock
cancel_equity_trade | Cancels an open trade of equities
equity_trade_history | Past trades of equities of an account
stock_quote | Latest price of a stock
stock_chart | Prices of a stock over time
option_price | Fair price of a stock option
order_book | Bids and offers for a stock
short_interest | How many shares of a stock are sold short
volatility | How much the price of a stock swings
beta_of_stock | How a stock moves with the market`,
  ],
  [
    ACCOUNT,
    `portfolio_value | What a portfolio is worth
portfolio_risk | Value at risk of a portfolio
portfolio_rebalance | Trades that bring a portfolio back to its target weights
account_balance | Balance of an account
transfer_funds | Transfers money between accounts
tax_estimate | Tax that is due on gains of an account
fee_calculation | Fees of an account
statement_download | Statement of an account as a file`,
  ],
  [
    { amount: 'How much', from: 'Unit or currency to convert from', to: 'Unit or currency to convert to' },
    `convert_currency | Converts a sum of money between currencies
convert_length | Converts a length between units
convert_weight | Converts a weight between units
convert_temperature | Converts a temperature between scales
convert_volume | Converts a volume between units
convert_area | Converts an area between units
convert_speed | Converts a speed between units
convert_time_zone | Converts a time between time zones`,
  ],
];

/** The 79 tools of each of the four calculators. */
export const CALCULATOR_TOOLS: readonly GivenTool[] = GROUPS.flatMap(([parameters, lines]) =>
  lines.split('\n').map((line) => {
    const [name = '', description = ''] = line.split(' | ');
    return { name, description, parameters };
  }),
);

export const RESTAURANT_TOOLS: readonly GivenTool[] = [
  {
    name: 'create_booking',
    description: 'Creates a booking at a restaurant',
    parameters: {
      date: 'Date of the booking',
      hour: 'Hour of the booking',
      restaurant_name: 'Name of the restaurant',
      guest_name: 'Name of the guest',
      num_guests: 'Number of guests',
    },
  },
];
